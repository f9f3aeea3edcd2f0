/*
 * The Node runtime of a Lambda function: runs in a process of its own, from the function's code folder.
 *
 * It speaks the frames that lambda_python.py describes. Requests over https to 127.0.0.1, which are the answers of
 * custom resources to CloudFormation, go over plain http to the port of the local AWS: it has no certificate.
 */
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const path = require("node:path");

const PARENT_POLL_MS = 1000;
const HEADER_BYTES = 4;

const resultFd = takeVariable("LOCALAWS_RESULT_FD");
const localPort = takeVariable("LOCALAWS_PORT");
const parent = process.ppid;

function takeVariable(name) {
  const value = Number(process.env[name]);
  delete process.env[name];
  return value;
}

function send(document) {
  const body = Buffer.from(JSON.stringify(document));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(body.length);
  const frame = Buffer.concat([header, body]);
  for (let sent = 0; sent < frame.length; ) {
    sent += fs.writeSync(resultFd, frame, sent);
  }
}

function errorDocument(error, requestId) {
  const isError = error instanceof Error;
  return {
    errorType: isError ? error.name : typeof error,
    errorMessage: isError ? error.message : String(error),
    requestId,
    trace: isError ? String(error.stack).split("\n") : [],
  };
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

function contextOf(request) {
  return {
    awsRequestId: request.request_id,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: request.function_arn,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, request.deadline_ms - Date.now()),
  };
}

function call(handler, request) {
  return new Promise((resolve, reject) => {
    const callback = (error, value) => (error ? reject(error) : resolve(value));
    const returned = handler(JSON.parse(request.event), contextOf(request), callback);
    if (returned && typeof returned.then === "function") {
      returned.then(resolve, reject);
    }
  });
}

async function run(handler, request) {
  process.env._X_AMZN_TRACE_ID = request.trace_id;
  let result;
  try {
    const value = await call(handler, request);
    result = { kind: "result", payload: JSON.stringify(value === undefined ? null : value) };
  } catch (error) {
    console.error(error);
    result = { kind: "error", error: errorDocument(error, request.request_id) };
  }
  send(result);
}

async function* requests() {
  let pending = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + pending.readUInt32BE(0);
      if (pending.length < end) {
        break;
      }
      const frame = pending.subarray(HEADER_BYTES, end);
      pending = pending.subarray(end);
      yield JSON.parse(frame.toString());
    }
  }
}

async function main() {
  setInterval(() => process.ppid === parent || process.exit(1), PARENT_POLL_MS).unref();
  https.request = routeLocally(https.request);
  let handler;
  try {
    handler = await loadHandler();
  } catch (error) {
    console.error(error);
    send({ kind: "error", error: errorDocument(error, "") });
    process.exit(1);
  }
  send({ kind: "ready" });
  for await (const request of requests()) {
    await run(handler, request);
  }
  process.exit(0);
}

main();
