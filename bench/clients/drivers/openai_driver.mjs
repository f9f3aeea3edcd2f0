// OpenAI's client for Node; its tools run by its own loop.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Ran, asks, city, main, plain, said, streamed, tool, vectors, want } from "./common.mjs";

const found = createRequire(`${process.cwd()}/`).resolve("openai");
const { OpenAI } = await import(pathToFileURL(found));

const client = ({ base_url, key }) => new OpenAI({ baseURL: base_url, apiKey: key, maxRetries: 0, timeout: 60_000 });
const messages = (turns) => turns.map(([role, content]) => ({ role, content }));

async function chat(asked, turns, more = {}) {
  const body = { model: asked.model, messages: messages(turns), ...more };
  const made = await client(asked).chat.completions.create(body);
  want(made.usage?.total_tokens > 0, "no usage");
  return made.choices[0].message.content;
}

async function tools(asked, question, names) {
  const ran = new Ran();
  const runner = client(asked).chat.completions.runTools({
    model: asked.model,
    messages: messages([["user", question]]),
    tools: names.map(tool).map(({ function: described }) => ({
      type: "function",
      function: { ...described, parse: JSON.parse, function: (given) => ran.run(described.name, given) },
    })),
  });
  return [ran, await runner.finalContent()];
}

await main({
  plain: async (asked) => plain(await chat(asked, [["user", asks.question]])),
  stream: async (asked) => {
    const stream = await client(asked).chat.completions.create({
      model: asked.model,
      messages: messages([["user", asks.question]]),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    streamed(chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? "")));
    want(chunks.at(-1).usage, "no usage at the end");
  },
  "five turns": async (asked) => said(await chat(asked, asks.turns), asks.remembered),
  system: async (asked) =>
    said(
      await chat(asked, [
        ["system", asks.system],
        ["user", asks.question],
      ]),
      asks.obeyed,
    ),
  "JSON schema": async (asked) => {
    const made = await client(asked).chat.completions.parse({
      model: asked.model,
      messages: messages([["user", asks.json]]),
      response_format: { type: "json_schema", json_schema: { name: "city", schema: asks.schema, strict: true } },
    });
    city(made.choices[0].message.parsed ?? JSON.parse(made.choices[0].message.content));
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
    const parts = [
      { type: "text", text: "What is it?" },
      { type: "image_url", image_url: { url: asks.red } },
    ];
    said(await chat(asked, [["user", parts]]), asked.picture);
  },
  completion: async (asked) => {
    const made = await client(asked).completions.create({ model: asked.model, prompt: asks.prompt, max_tokens: 40 });
    said(made.choices[0].text);
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
