// Calls to the server over gRPC-Web, and what is said where one fails.

import { BadRequest, ErrorInfo, GetInfoRequest, GetInfoResponse, RetryInfo, RpcStatus, TagRequest, TagResponse } from "./messages.js";
import { decode, encode } from "./wire.js";

const SERVICE = "/tagwerk.v1.TaggingService/";

const TRAILERS = 0x80;

export const CODE = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
};

/** A call that failed: gRPC's code, what the server says, which fields are wrong, when to try again. */
export class Failure extends Error {
  constructor(code, message, details = {}) {
    super(message);
    this.code = code;
    /** The server's own word for it, such as QUOTA_EXCEEDED. */
    this.reason = details.reason;
    this.violations = details.violations ?? [];
    /** Seconds, or undefined. */
    this.retryAfter = details.retryAfter;
  }
}

/** Who calls: an API key or a token, kept for as long as the page is open and nowhere else. */
let credential = "";

export function identify(value) {
  credential = value.trim();
}

export function isIdentified() {
  return credential !== "";
}

/** Tags one document. */
export async function tag(request, signal) {
  const answer = await unary("Tag", encode(TagRequest, request), signal);
  return decode(TagResponse, answer).document;
}

/** Asks the server for its languages and limits. */
export async function info(signal) {
  return decode(GetInfoResponse, await unary("GetInfo", encode(GetInfoRequest, {}), signal));
}

// Without a deadline: whoever waits sees how long and can cancel, which the server notices.
async function unary(method, message, signal) {
  const headers = {
    "content-type": "application/grpc-web+proto",
    accept: "application/grpc-web+proto",
    "x-grpc-web": "1",
  };
  if (credential !== "") {
    const isToken = credential.split(".").length === 3;
    if (isToken) headers.authorization = `Bearer ${credential}`;
    else headers["x-api-key"] = credential;
  }
  let response;
  let body;
  try {
    const options = { method: "POST", headers, body: framed(message), signal, cache: "no-store", credentials: "same-origin" };
    response = await fetch(SERVICE + method, options);
    body = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (signal?.aborted) throw new Failure(CODE.cancelled, "cancelled");
    if (error instanceof TypeError && /header/i.test(error.message)) {
      throw new Failure(CODE.unauthenticated, "the key holds characters that no key has");
    }
    throw new Failure(CODE.unavailable, "the server cannot be reached");
  }
  if (!response.ok) throw new Failure(CODE.unavailable, `the server answers with HTTP status ${response.status}`);
  const { message: answer, trailers } = unframed(body);
  // An answer without a message may have its status in the head.
  const status = (name) => trailers.get(name) ?? response.headers.get(name);
  const code = Number(status("grpc-status") ?? CODE.internal);
  if (code !== 0) throw failure(code, status("grpc-message"), status("grpc-status-details-bin"));
  if (answer === undefined) throw new Failure(CODE.internal, "the answer breaks off");
  return answer;
}

function framed(message) {
  const frame = new Uint8Array(5 + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, 5);
  return frame;
}

function unframed(body) {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const trailers = new Map();
  let message;
  let at = 0;
  while (at + 5 <= body.length) {
    const flags = body[at];
    const end = at + 5 + view.getUint32(at + 1);
    if (end > body.length) break;
    const content = body.subarray(at + 5, end);
    if (flags & TRAILERS) {
      for (const line of new TextDecoder().decode(content).split("\r\n")) {
        const colon = line.indexOf(":");
        if (colon > 0) trailers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
      }
    } else {
      message = content;
    }
    at = end;
  }
  return { message, trailers };
}

function failure(code, message, details) {
  const found = {};
  try {
    for (const { url, value } of details ? decode(RpcStatus, fromBase64(details)).details : []) {
      if (url.endsWith("/google.rpc.ErrorInfo")) found.reason = decode(ErrorInfo, value).reason;
      if (url.endsWith("/google.rpc.BadRequest")) found.violations = decode(BadRequest, value).violations;
      if (url.endsWith("/google.rpc.RetryInfo")) {
        const { seconds = 0, nanos = 0 } = decode(RetryInfo, value).delay ?? {};
        found.retryAfter = seconds + nanos / 1e9;
      }
    }
  } catch {
    // The message says enough.
  }
  return new Failure(code, unescaped(message ?? ""), found);
}

function fromBase64(value) {
  return Uint8Array.from(atob(value), (character) => character.charCodeAt(0));
}

/** Messages of a status are percent-encoded. */
function unescaped(message) {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}
