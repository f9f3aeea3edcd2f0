// LibreChat's requests, sent by the class of LangChain's that it uses (danny-avila/LibreChat,
// `packages/api/src/endpoints/openai/`): streamed, with the user's id and the usage.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Ran, asks, main, plain, said, streamed, tool, want } from "./common.mjs";

const require = createRequire(`${process.cwd()}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { ChatOpenAI } = await load("@langchain/openai");
const { AIMessage, HumanMessage, SystemMessage, ToolMessage } = await load("@langchain/core/messages");

const kinds = { system: SystemMessage, user: HumanMessage, assistant: AIMessage };

const model = ({ base_url, key, model: name }) =>
  new ChatOpenAI({
    model: name,
    apiKey: key,
    configuration: { baseURL: base_url },
    streaming: true,
    streamUsage: true,
    user: "66f0c2a1b7",
    maxRetries: 0,
  });

// `invoke` would load a tokenizer from the network first.
async function answer(asking, messages) {
  const [first, ...rest] = await Array.fromAsync(await asking.stream(messages));
  return rest.reduce((all, chunk) => all.concat(chunk), first);
}

const ask = (asked, turns) =>
  answer(
    model(asked),
    turns.map(([role, content]) => new kinds[role](content)),
  );

async function tools(asked, question, names) {
  const ran = new Ran();
  const bound = model(asked).bindTools(names.map(tool));
  const history = [new HumanMessage(question)];
  for (let turn = 0; turn < 3; turn += 1) {
    const made = await answer(bound, history);
    if (!made.tool_calls?.length) return [ran, made.text];
    history.push(made);
    for (const call of made.tool_calls) {
      history.push(new ToolMessage({ content: ran.run(call.name, call.args), tool_call_id: call.id }));
    }
  }
  return [ran, ""];
}

await main({
  plain: async (asked) => plain((await ask(asked, [["user", asks.question]])).text),
  stream: async (asked) => {
    const chunks = await Array.fromAsync(await model(asked).stream(asks.question));
    streamed(chunks.map((chunk) => chunk.text));
    want(
      chunks.some(({ usage_metadata }) => usage_metadata?.total_tokens > 0),
      "no usage",
    );
  },
  "five turns": async (asked) => said((await ask(asked, asks.turns)).text, asks.remembered),
  system: async (asked) =>
    said(
      (
        await ask(asked, [
          ["system", asks.system],
          ["user", asks.question],
        ])
      ).text,
      asks.obeyed,
    ),
  "one tool": async (asked) => {
    const [ran, text] = await tools(asked, asks.oneCall, ["get_weather"]);
    ran.one(text);
  },
  "two tools": async (asked) => {
    const [ran, text] = await tools(asked, asks.twoCalls, ["get_weather", "get_time"]);
    ran.two(text);
  },
  image: async (asked) => {
    const parts = [
      { type: "text", text: "What is it?" },
      { type: "image_url", image_url: { url: asks.red, detail: "auto" } },
    ];
    said((await ask(asked, [["user", parts]])).text, asked.picture);
  },
  models: async ({ base_url, key, model: name }) => {
    const response = await fetch(`${base_url}/models`, { headers: { Authorization: `Bearer ${key}` } });
    const { data } = await response.json();
    want(data.map(({ id }) => id).join() === name, "the model is not listed");
  },
});
