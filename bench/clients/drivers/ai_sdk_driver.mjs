// Vercel's AI SDK, with the provider that the command line names: `compatible`, `chat` or `responses`; or `cline`, which
// asks by the first one and streams everything (cline/cline, `sdk/packages/llms/src/providers/`).

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Ran, asks, city, main, plain, said, streamed, vectors } from "./common.mjs";

const require = createRequire(`${process.cwd()}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { embedMany, generateText, jsonSchema, Output, stepCountIs, streamText, tool } = await load("ai");
const { createOpenAI } = await load("@ai-sdk/openai");
const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");

const [asker] = process.argv.slice(2);
const way = asker === "cline" ? "compatible" : asker;

function provider({ base_url, key }) {
  if (way !== "compatible") return createOpenAI({ baseURL: base_url, apiKey: key });
  return createOpenAICompatible({
    name: "jumpstack",
    baseURL: base_url,
    apiKey: key,
    includeUsage: true,
    supportsStructuredOutputs: asker !== "cline",
  });
}

function model(asked) {
  const made = provider(asked);
  const models = {
    compatible: () => made.chatModel(asked.model),
    chat: () => made.chat(asked.model),
    responses: () => made(asked.model),
  };
  return models[way]();
}

async function ask(asked, more) {
  const given = { model: model(asked), maxRetries: 0, ...more };
  if (asker !== "cline") return generateText(given);
  let failed;
  const result = streamText({
    ...given,
    onError: ({ error }) => {
      failed = error;
    },
  });
  await result.consumeStream();
  if (failed) throw failed;
  return { text: await result.text };
}

async function tools(asked, question, names) {
  const ran = new Ran();
  const cityAlone = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
  const given = names.map((name) => [
    name,
    tool({
      description: `Get the ${name.replace("get_", "")} of a city.`,
      inputSchema: jsonSchema(cityAlone),
      execute: async (input) => ran.run(name, input),
    }),
  ]);
  const made = await ask(asked, { prompt: question, tools: Object.fromEntries(given), stopWhen: stepCountIs(3) });
  return [ran, made.text];
}

const every = {
  plain: async (asked) => plain((await ask(asked, { prompt: asks.question })).text),
  stream: async (asked) => {
    let failed;
    const result = streamText({
      model: model(asked),
      prompt: asks.question,
      maxRetries: 0,
      onError: ({ error }) => {
        failed = error;
      },
    });
    const pieces = await Array.fromAsync(result.textStream);
    if (failed) throw failed;
    streamed(pieces);
  },
  "five turns": async (asked) => {
    const messages = asks.turns.map(([role, content]) => ({ role, content }));
    said((await ask(asked, { messages })).text, asks.remembered);
  },
  system: async (asked) => said((await ask(asked, { system: asks.system, prompt: asks.question })).text, asks.obeyed),
  "JSON schema": async (asked) => {
    const output = Output.object({ schema: jsonSchema(asks.schema) });
    city((await ask(asked, { prompt: asks.json, output })).output);
  },
  "one tool": async (asked) => {
    const [ran, text] = await tools(asked, asks.oneCall, ["get_weather"]);
    ran.one(text);
  },
  "two tools": async (asked) => {
    const [ran, text] = await tools(asked, asks.twoCalls, ["get_weather", "get_time"]);
    ran.two(text);
  },
  image: async (asked) => {
    const content = [
      { type: "text", text: "What is it?" },
      { type: "image", image: asks.red },
    ];
    said((await ask(asked, { messages: [{ role: "user", content }] })).text, asked.picture);
  },
  completion: async (asked) => {
    const made = provider(asked);
    const completes = way === "compatible" ? made.completionModel(asked.model) : made.completion(asked.model);
    said((await generateText({ model: completes, prompt: asks.prompt, maxOutputTokens: 40, maxRetries: 0 })).text);
  },
  embeddings: async (asked) => {
    const made = provider(asked);
    const embeds = made.textEmbeddingModel?.(asked.model) ?? made.embeddingModel(asked.model);
    vectors((await embedMany({ model: embeds, values: asks.texts, maxRetries: 0 })).embeddings);
  },
};
if (way === "responses" || asker === "cline") {
  delete every.completion;
  delete every.embeddings;
}
if (asker === "cline") delete every["JSON schema"];

await main(every);
