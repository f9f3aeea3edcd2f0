// The tasks that every client of Node does: what common.py says holds here, too.

import { createInterface } from "node:readline";

export const asks = {
  question: "Which country has the most lakes?",
  turns: [
    ["user", "My number is 7351. [[stand-in say=You told me 7351.]]"],
    ["assistant", "I know it."],
    ["user", "Name a colour."],
    ["assistant", "Blue."],
    ["user", "Which number is mine?"],
  ],
  remembered: "You told me 7351.",
  system: "Answer in capitals. [[stand-in say=FINLAND.]]",
  obeyed: "FINLAND.",
  json: 'Describe a city as JSON. [[stand-in say={"name": "Rome", "population": 2800000}]]',
  schema: {
    type: "object",
    properties: { name: { type: "string" }, population: { type: "integer" } },
    required: ["name", "population"],
    additionalProperties: false,
  },
  oneCall: 'What is the weather in Rome? [[stand-in call=get_weather {"city": "Rome"}]]',
  twoCalls:
    'Weather and time? [[stand-in call=get_weather {"city": "Rome"}]] [[stand-in call=get_time {"city": "Oslo"}]]',
  red: "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mP4z8BAEmIY1TCqYfhqAACQ+f8B8u7oVwAAAABJRU5ErkJggg==",
  prompt: "Building a website can be done in 10 simple steps:",
  texts: ["Lakes of Finland", "Mountains of Nepal"],
};

export const tool = (name) => ({
  type: "function",
  function: {
    name,
    description: `Get the ${name.replace("get_", "")} of a city.`,
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
});

export class Wrong extends Error {}

export function want(held, what) {
  if (!held) throw new Wrong(what);
}

export function said(text, expected = "") {
  want(typeof text === "string" && text.trim(), `no text came back: ${JSON.stringify(text)}`);
  want(text.includes(expected), `the answer is not ${JSON.stringify(expected)}: ${JSON.stringify(text)}`);
}

export const plain = (text) => said(text, "lakes");

export function streamed(pieces) {
  plain(pieces.join(""));
  want(pieces.filter(Boolean).length > 1, "the answer came in one piece");
}

export function city(made) {
  want(typeof made?.name === "string" && Number.isInteger(made?.population), `${JSON.stringify(made)} is no city`);
}

export function vectors(found) {
  want(found.length === 2, `${found.length} vectors came back`);
  want(found[0].length === found[1].length && found[0].length > 1, "they are of different lengths");
  want(found[0].some((number, place) => number !== found[1][place]), "both are the same");
}

// The tools, and what they were called with.
export class Ran {
  calls = [];
  run(name, given) {
    const { city: where } = typeof given === "string" ? JSON.parse(given) : given;
    this.calls.push(`${name} ${where}`);
    return {
      get_weather: "21 degrees, report K7Q. [[stand-in say=It is 21 degrees, report K7Q.]]",
      get_time: "noon, clock Z9. [[stand-in say=It is noon, clock Z9.]]",
    }[name];
  }
  one(text) {
    want(this.calls.join() === "get_weather Rome", `the tool did not run once, but ${this.calls.join() || "never"}`);
    said(text, "K7Q");
  }
  two(text) {
    const calls = this.calls.toSorted().join();
    want(calls === "get_time Oslo,get_weather Rome", `the tools did not run once each, but ${calls || "never"}`);
    want(/K7Q|Z9/.test(text), `no tool's output came back: ${JSON.stringify(text)}`);
  }
}

export async function main(tasks) {
  const lines = createInterface({ input: process.stdin });
  const { value } = await lines[Symbol.asyncIterator]().next();
  lines.close();
  const { asked, tasks: names } = JSON.parse(value);
  for (const name of names.filter((known) => tasks[known])) {
    let failed = null;
    try {
      await tasks[name](asked);
    } catch (error) {
      const kind = error instanceof Wrong ? "" : `${error.name}: `;
      failed = `${kind}${error.message} ${error.responseBody ?? ""}`.replace(/\s+/g, " ").trim().slice(0, 600);
    }
    console.log(JSON.stringify({ task: name, failed }));
  }
}
