/*
 * Run a deployed Node function: the program of its process, which starts in the folder with the function's code.
 *
 * It gets invocations from the Runtime API that AWS_LAMBDA_RUNTIME_API names. Requests over https to 127.0.0.1, which
 * are the answers of custom resources to CloudFormation, go over plain http to the port of the local AWS: it has no
 * certificate.
 */
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const path = require("node:path");

const PARENT_POLL_MS = 1000;

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const localPort = takeVariable("LOCALAWS_PORT");
const parent = process.ppid;

function takeVariable(name) {
  const value = Number(process.env[name]);
  delete process.env[name];
  return value;
}

function callRuntimeApi(method, operation, document) {
  return new Promise((resolve, reject) => {
    const url = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/${operation}`;
    const body = document === undefined ? undefined : Buffer.from(document);
    const headers = body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": body.length };
    const request = http.request(url, { method, agent, headers }, async (response) => {
      const parts = [];
      for await (const part of response) {
        parts.push(part);
      }
      resolve({ headers: response.headers, body: Buffer.concat(parts).toString() });
    });
    request.on("error", reject).end(body);
  });
}

function errorDocument(error, requestId) {
  const isError = error instanceof Error;
  return JSON.stringify({
    errorType: isError ? error.name : typeof error,
    errorMessage: isError ? error.message : String(error),
    requestId,
    trace: isError ? String(error.stack).split("\n") : [],
  });
}

function routeLocally(request) {
  return function (target, options, callback) {
    const url = typeof target === "string" ? new URL(target) : target;
    const hostname = url.hostname || url.host;
    if (hostname !== "127.0.0.1") {
      return request.call(https, target, options, callback);
    }
    const given = url instanceof URL ? { path: url.pathname + url.search } : { ...url };
    const merged = { ...given, ...(typeof options === "object" ? options : {}) };
    delete merged.agent;
    return http.request(
      { ...merged, protocol: "http:", host: hostname, hostname, port: localPort },
      typeof options === "function" ? options : callback,
    );
  };
}

async function loadHandler() {
  const [, file, name] = /^(.+)\.([^.]+)$/.exec(process.env._HANDLER);
  const base = path.join(process.env.LAMBDA_TASK_ROOT, file);
  const source = [".js", ".cjs", ".mjs"].map((suffix) => base + suffix).find((candidate) => fs.existsSync(candidate));
  if (source === undefined) {
    throw Object.assign(new Error(`Cannot find module '${file}'`), { name: "Runtime.ImportModuleError" });
  }
  const module = source.endsWith(".mjs") ? await import(source) : require(source);
  if (typeof module[name] !== "function") {
    throw Object.assign(new Error(`${process.env._HANDLER} is undefined or not exported`), {
      name: "Runtime.HandlerNotFound",
    });
  }
  return module[name];
}

function contextOf(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  return {
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

function call(handler, event, context) {
  return new Promise((resolve, reject) => {
    const callback = (error, value) => (error ? reject(error) : resolve(value));
    const returned = handler(event, context, callback);
    if (returned && typeof returned.then === "function") {
      returned.then(resolve, reject);
    }
  });
}

async function run(handler, { headers, body }) {
  const requestId = headers["lambda-runtime-aws-request-id"];
  process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"];
  let answer;
  try {
    const value = await call(handler, JSON.parse(body), contextOf(headers));
    answer = ["response", JSON.stringify(value === undefined ? null : value)];
  } catch (error) {
    console.error(error);
    answer = ["error", errorDocument(error, requestId)];
  }
  await callRuntimeApi("POST", `invocation/${requestId}/${answer[0]}`, answer[1]);
}

async function main() {
  setInterval(() => process.ppid === parent || process.exit(1), PARENT_POLL_MS).unref();
  https.request = routeLocally(https.request);
  let handler;
  try {
    handler = await loadHandler();
  } catch (error) {
    console.error(error);
    await callRuntimeApi("POST", "init/error", errorDocument(error, ""));
    process.exit(1);
  }
  for (;;) {
    await run(handler, await callRuntimeApi("GET", "invocation/next"));
  }
}

main().catch(() => process.exit(1));
