// Continue's requests, sent by the client for Node that it uses (continuedev/continue, `core/llm/llms/OpenAI.ts`,
// `packages/openai-adapters/`): chats are streamed, with one tool call at a time; autocompletion asks the completions'
// route with as many stop strings as its template has, where it does not know the host.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Ran, asks, main, said, streamed, tool, vectors, want } from "./common.mjs";

const { OpenAI } = await import(pathToFileURL(createRequire(`${process.cwd()}/`).resolve("openai")));

const client = ({ base_url, key }) => new OpenAI({ baseURL: base_url, apiKey: key, maxRetries: 0, timeout: 60_000 });
// Nine: a template of `core/autocomplete/templating/AutocompleteTemplate.ts`.
const STOPS = [
  "<|endoftext|>",
  "<|fim_prefix|>",
  "<|fim_middle|>",
  "<|fim_suffix|>",
  "<|fim_pad|>",
  "<|repo_name|>",
  "<|file_sep|>",
  "<|im_start|>",
  "<|im_end|>",
];

async function chat(asked, messages, more = {}) {
  const stream = await client(asked).chat.completions.create({
    model: asked.model,
    messages,
    max_tokens: 400,
    temperature: 0.5,
    stream: true,
    stream_options: { include_usage: true },
    ...more,
  });
  const chunks = await Array.fromAsync(stream);
  const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
  const calls = [];
  for (const { tool_calls = [] } of deltas) {
    for (const call of tool_calls) {
      calls[call.index] ??= { id: call.id, type: "function", function: { name: "", arguments: "" } };
      calls[call.index].function.name += call.function?.name ?? "";
      calls[call.index].function.arguments += call.function?.arguments ?? "";
    }
  }
  return { pieces: deltas.map(({ content }) => content ?? ""), calls };
}

const messages = (turns) => turns.map(([role, content]) => ({ role, content }));
const text = async (asked, turns) => (await chat(asked, messages(turns))).pieces.join("");

await main({
  plain: async (asked) => said(await text(asked, [["user", asks.question]]), "lakes"),
  stream: async (asked) => streamed((await chat(asked, messages([["user", asks.question]]))).pieces),
  "five turns": async (asked) => said(await text(asked, asks.turns), asks.remembered),
  system: async (asked) =>
    said(
      await text(asked, [
        ["system", asks.system],
        ["user", asks.question],
      ]),
      asks.obeyed,
    ),
  "one tool": async (asked) => {
    const ran = new Ran();
    const history = messages([["user", asks.oneCall]]);
    for (let turn = 0; turn < 3; turn += 1) {
      const more = { tools: [tool("get_weather")], parallel_tool_calls: false };
      const { pieces, calls } = await chat(asked, history, more);
      if (!calls.length) {
        ran.one(pieces.join(""));
        return;
      }
      history.push({ role: "assistant", content: pieces.join(""), tool_calls: calls });
      for (const call of calls) {
        const content = ran.run(call.function.name, call.function.arguments);
        history.push({ role: "tool", tool_call_id: call.id, content });
      }
    }
    want(false, "the tool was called again and again");
  },
  image: async (asked) => {
    const parts = [
      { type: "text", text: "What is it?" },
      { type: "image_url", image_url: { url: asks.red } },
    ];
    said(await text(asked, [["user", parts]]), asked.picture);
  },
  completion: async (asked) => {
    const stream = await client(asked).completions.create({
      model: asked.model,
      prompt: "<|fim_prefix|>def add(a, b):\n    <|fim_suffix|>\n<|fim_middle|>",
      max_tokens: 100,
      temperature: 0.01,
      stop: STOPS,
      stream: true,
    });
    const chunks = await Array.fromAsync(stream);
    said(chunks.flatMap(({ choices }) => choices.map((choice) => choice.text)).join(""));
  },
  embeddings: async (asked) => {
    const made = await client(asked).embeddings.create({ model: asked.model, input: asks.texts });
    vectors(made.data.map(({ embedding }) => embedding));
  },
  models: async (asked) => {
    const listed = await Array.fromAsync(client(asked).models.list());
    want(listed.map(({ id }) => id).join() === asked.model, "the model is not listed");
  },
});
