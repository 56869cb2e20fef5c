// What can go wrong, with one class for each status of gRPC that the server gives.
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type ServiceError, status as Code } from "@grpc/grpc-js";

import type { Document } from "./documents.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./proto/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "./proto/google/rpc/status_pb.js";

/** A field of the request that is wrong, and why. */
export interface FieldViolation {
  field: string;
  description: string;
}

interface Details {
  reason?: string;
  violations?: FieldViolation[];
  retryAfter?: number | undefined;
}

/** A call, or one document of a stream, that failed. */
export class TagwerkError extends Error {
  /** The status of gRPC. */
  readonly code: Code;
  /** The reason in one word, such as "TEXT_TOO_LARGE"; empty where the server gave none. */
  readonly reason: string;
  /** The fields of the request that are wrong. */
  readonly violations: readonly FieldViolation[];
  /** Milliseconds after which the server wants to be asked again; undefined where it did not say. */
  readonly retryAfter: number | undefined;
  /** The document that failed. Set in tagMany alone; undefined where the whole stream failed. */
  document: Document | undefined;
  /** What tagMany had taken from its input and not handed out when it threw this. */
  unanswered: readonly Document[] = [];

  constructor(code: Code, message: string, details: Details = {}) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.reason = details.reason ?? "";
    this.violations = details.violations ?? [];
    this.retryAfter = details.retryAfter;
  }
}

/** The call was cancelled by the other side. */
export class Cancelled extends TagwerkError {}

/** The request is wrong; `violations` says in which fields. */
export class InvalidArgument extends TagwerkError {}

/** There was no answer in time. */
export class DeadlineExceeded extends TagwerkError {}

/** What was asked for is not there. */
export class NotFound extends TagwerkError {}

/** The credentials don't allow this. */
export class PermissionDenied extends TagwerkError {}

/** The server is full, or a quota is used up; `retryAfter` says when to come back. */
export class ResourceExhausted extends TagwerkError {}

/** The server is not in a state to do this. */
export class FailedPrecondition extends TagwerkError {}

/** A message is larger than the server takes. */
export class OutOfRange extends TagwerkError {}

/** The server does not know this call. */
export class Unimplemented extends TagwerkError {}

/** The server failed on this text. */
export class Internal extends TagwerkError {}

/** No connection, or the server starts or stops. */
export class Unavailable extends TagwerkError {}

/** Credentials are missing or not accepted. */
export class Unauthenticated extends TagwerkError {}

const CLASSES = new Map<Code, typeof TagwerkError>([
  [Code.CANCELLED, Cancelled],
  [Code.INVALID_ARGUMENT, InvalidArgument],
  [Code.DEADLINE_EXCEEDED, DeadlineExceeded],
  [Code.NOT_FOUND, NotFound],
  [Code.PERMISSION_DENIED, PermissionDenied],
  [Code.RESOURCE_EXHAUSTED, ResourceExhausted],
  [Code.FAILED_PRECONDITION, FailedPrecondition],
  [Code.OUT_OF_RANGE, OutOfRange],
  [Code.UNIMPLEMENTED, Unimplemented],
  [Code.INTERNAL, Internal],
  [Code.UNAVAILABLE, Unavailable],
  [Code.UNAUTHENTICATED, Unauthenticated],
]);

/** Whether one document, or one call, that failed so may be sent again. */
export function isPassing(error: TagwerkError): boolean {
  return error.code === Code.UNAVAILABLE || error.code === Code.RESOURCE_EXHAUSTED;
}

const FINAL = new Set<Code>([
  Code.INVALID_ARGUMENT,
  Code.NOT_FOUND,
  Code.PERMISSION_DENIED,
  Code.UNAUTHENTICATED,
  Code.FAILED_PRECONDITION,
  Code.OUT_OF_RANGE,
  Code.UNIMPLEMENTED,
]);

/** Whether a stream that ended so would always end so. Else it may be the network, a proxy or a server that stops. */
export function isFinal(error: TagwerkError): boolean {
  return FINAL.has(error.code);
}

/** What a call ended in. */
export function ofCall(error: ServiceError): TagwerkError {
  let status: Status | undefined;
  const [details] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (details instanceof Uint8Array) {
    try {
      status = fromBinary(StatusSchema, details);
    } catch {
      // A proxy's own; the code and the message stand without it.
    }
  }
  return made(error.code ?? Code.UNKNOWN, error.details ?? error.message, status);
}

/** What one document of a stream ended in. */
export function ofStatus(status: Status): TagwerkError {
  return made(status.code, status.message, status);
}

/** A request that is wrong in one field and was not sent for that. */
export function invalid(field: string, description: string, reason = ""): InvalidArgument {
  const violations = [{ field, description }];
  return new InvalidArgument(Code.INVALID_ARGUMENT, `${field} ${description}`, { reason, violations });
}

/** An error of the client's own. */
export function failed(code: Code, message: string): TagwerkError {
  return made(code, message, undefined);
}

function made(code: Code, message: string, status: Status | undefined): TagwerkError {
  const found: Details = {};
  for (const detail of status?.details ?? []) {
    try {
      const info = anyUnpack(detail, ErrorInfoSchema);
      const request = anyUnpack(detail, BadRequestSchema);
      const retry = anyUnpack(detail, RetryInfoSchema);
      if (info) found.reason = info.reason;
      if (request) {
        found.violations = request.fieldViolations.map(({ field, description }) => ({ field, description }));
      }
      if (retry?.retryDelay) {
        found.retryAfter = Math.max(Number(retry.retryDelay.seconds) * 1e3 + retry.retryDelay.nanos / 1e6, 0);
      }
    } catch {
      continue;
    }
  }
  const Kind = CLASSES.get(code) ?? TagwerkError;
  return new Kind(code, message, found);
}
