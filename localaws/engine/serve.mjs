// Serves a small language model over standard input and output, for `localaws/engine/process.py`.
//
//   node serve.mjs FOLDER WEIGHTS
//
// FOLDER has `node_modules` with node-llama-cpp, WEIGHTS is a GGUF file. It loads them, compiles and downloads nothing,
// and ends with its standard input, so that it never outlives who started it. Each line is a JSON object:
//
//   in   {id, do: "encode", text}
//   in   {id, do: "generate", prompt, most, endless, temperature, top_k, top_p, seed, schema}
//   in   {id, do: "cancel"}
//   out  {ready: {context, end}} once, or {failed: REASON}
//   out  {id, tokens: [[number, text, logprob, special], ...]}, {id, done: true}, {id, error: REASON}
//
// Generations run one after the other on one thread: the processor is shared with the local AWS, and two threads that wait
// for each other on a busy machine take minutes. Each starts from an empty state, so that the same request has the same
// answer whatever came before it.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const THREADS = 1;
const MOST_WAITING = 64;
// No longer than what the model was trained for.
const CONTEXT = 8192;

const [folder, weights] = process.argv.slice(2);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function load() {
    const library = join(folder, "node_modules", "node-llama-cpp", "dist", "index.js");
    const { getLlama, LlamaGrammarEvaluationState, LlamaLogLevel } = await import(pathToFileURL(library));
    const llama = await getLlama({
        gpu: false,
        build: "never",
        skipDownload: true,
        progressLogs: false,
        logLevel: LlamaLogLevel.error,
        maxThreads: THREADS,
    });
    const model = await llama.loadModel({ modelPath: weights });
    const context = await model.createContext({ contextSize: CONTEXT, sequences: 1, threads: THREADS });
    return { llama, model, sequence: context.getSequence(), LlamaGrammarEvaluationState };
}

// Turns token numbers into texts that join to the whole: a character of several tokens comes with the last of them.
class Texts {
    constructor(model) {
        this.model = model;
        this.open = [];
    }

    of(number) {
        this.open.push(number);
        const text = this.model.detokenize(this.open, true);
        if (text.endsWith("\ufffd") && this.open.length < 4) return "";
        this.open = [];
        return text;
    }
}

function isWhole(text) {
    try {
        JSON.parse(text);
        return true;
    } catch {
        return false;
    }
}

function encode({ llama, model }, text) {
    const texts = new Texts(model);
    return model.tokenize(text, true).map((number) => [number, texts.of(number), 0, model.isSpecialToken(number)]);
}

async function generate({ llama, model, sequence, LlamaGrammarEvaluationState }, request, canceled) {
    const prompt = model.tokenize(request.prompt, true);
    const room = Math.min(request.most ?? CONTEXT, CONTEXT - prompt.length);
    if (prompt.length === 0) throw new Error("the prompt is empty");
    if (room < 1) throw new Error(`the prompt has ${prompt.length} tokens: the small model takes ${CONTEXT - 1}`);
    await sequence.clearHistory();
    const options = {
        temperature: request.temperature ?? 0,
        topK: request.top_k ?? 0,
        topP: request.top_p ?? 1,
        seed: request.seed ?? 0,
        yieldEogToken: true,
    };
    if (request.schema != null) {
        const grammar = await llama.createGrammarForJsonSchema(request.schema);
        options.grammarEvaluationState = new LlamaGrammarEvaluationState({ model, grammar });
    }
    const texts = new Texts(model);
    let text = "";
    let made = 0;
    for await (const step of sequence.evaluateWithMetadata(prompt, { confidence: true }, options)) {
        const isEnd = model.isEogToken(step.token);
        const part = isEnd ? "" : texts.of(step.token);
        // The grammar lets blank lines follow the document, which nobody asked for.
        const isOver = request.schema != null && part.trim() === "" && isWhole(text);
        if (canceled() || isOver || (isEnd && !request.endless)) break;
        if (isEnd) continue;
        text += part;
        const logprob = Math.log(Math.max(step.confidence, 1e-30));
        say({ id: request.id, tokens: [[step.token, part, logprob, model.isSpecialToken(step.token)]] });
        made += 1;
        if (made >= room || (request.schema != null && /[}\]]\s*$/.test(text) && isWhole(text))) break;
    }
}

const waiting = [];
let running = null;

async function work(loaded) {
    while (waiting.length > 0) {
        running = waiting.shift();
        const { id } = running;
        try {
            await generate(loaded, running, () => running.canceled);
            say({ id, done: true });
        } catch (error) {
            say({ id, error: error.message });
        }
    }
    running = null;
}

function take(loaded, request) {
    if (request.do === "encode") {
        say({ id: request.id, tokens: encode(loaded, request.text) });
        say({ id: request.id, done: true });
    } else if (request.do === "cancel") {
        const found = [running, ...waiting].find((one) => one?.id === request.id);
        if (found) found.canceled = true;
    } else if (waiting.length >= MOST_WAITING) {
        say({ id: request.id, error: `${MOST_WAITING} requests wait for the small model already` });
    } else {
        waiting.push(request);
        if (running === null) work(loaded);
    }
}

try {
    const loaded = await load();
    const end = loaded.model.tokens.eos;
    say({ ready: { context: CONTEXT, end: [end, loaded.model.detokenize([end], true), 0, true] } });
    const lines = createInterface({ input: process.stdin });
    lines.on("line", (line) => take(loaded, JSON.parse(line)));
    lines.on("close", () => process.exit(0));
} catch (error) {
    say({ failed: error.message });
    process.exit(1);
}
