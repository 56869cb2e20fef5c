// Servers for the tests: the real program on a port of its own, and a scripted one that fails as a test wants it.
import { type ChildProcess, spawn } from "node:child_process";
import { type EventEmitter, once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { type MessageInitShape, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack, durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  Metadata,
  Server as GrpcServer,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceError,
  status as Code,
} from "@grpc/grpc-js";

import type { Document } from "../dist/index.js";
import { ErrorInfoSchema, RetryInfoSchema } from "../dist/proto/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "../dist/proto/google/rpc/status_pb.js";
import {
  GetInfoResponseSchema,
  TagResponseSchema,
  type TagStreamRequest,
  TagStreamRequestSchema,
  TagStreamResponseSchema,
} from "../dist/proto/tagwerk/v1/tagging_service_pb.js";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

export const TEXT = "Nora Brandt warf der Vela AG Wortbruch vor.";

/** Milliseconds: far longer than anything here takes. */
export const PATIENCE = 60_000;

/** The program to test: $TAGWERK_PROGRAM, or what was built last. */
export function program(): string {
  const named = process.env["TAGWERK_PROGRAM"];
  if (named) return named;
  const built = ["release", "debug"].map((profile) => `${ROOT}target/${profile}/tagwerk`).find((path) => existsSync(path));
  if (!built) throw new Error("there is no program to test: cargo build, or name one in TAGWERK_PROGRAM");
  return built;
}

/** Short reports, no two alike. */
export function* delivery(count: number): Generator<Document & { id: string }> {
  for (let number = 0; number < count; number++) {
    yield {
      id: `report-${number}`,
      text: `Meldung ${number} aus Kiel: Jana Roth lobt die Reederei Ostwind.`,
    };
  }
}

/** All that an iteration gives. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** A `tagwerk serve`. */
export class Server {
  #process: ChildProcess | undefined;
  readonly #settings: string[];
  address = "127.0.0.1:0";

  constructor(...settings: string[]) {
    this.#settings = settings;
  }

  /** Starts it and waits until the model is loaded. */
  async start(): Promise<this> {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("TAGWERK_")));
    const own = ["serve", "--listen", this.address, "--http-listen", "127.0.0.1:0", "--log-format", "json"];
    const child = spawn(program(), [...own, ...this.#settings], { cwd: ROOT, env, stdio: ["ignore", "inherit", "pipe"] });
    this.#process = child;
    await new Promise<void>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`the server does not start: ${code}`)));
      // It goes on reading: the pipe must not fill up.
      createInterface(child.stderr).on("line", (line) => {
        // Libraries may say something before.
        if (!line.startsWith("{")) return;
        const event = JSON.parse(line) as { grpc?: string; message: string };
        this.address = event.grpc ?? this.address;
        if (event.message === "serving") resolve();
      });
    });
    return this;
  }

  /** Ends the program without a warning and starts it on the same port. */
  async killAndStartAgain(): Promise<void> {
    await this.close();
    await this.start();
  }

  async close(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

type Answer = MessageInitShape<typeof TagStreamResponseSchema>;
export type Stream = ServerDuplexStream<TagStreamRequest, Answer>;

const decoded = {
  requestDeserialize: (bytes: Buffer) => bytes,
  requestSerialize: (bytes: Buffer) => bytes,
};

/** A server that answers as the functions say. */
export class Scripted {
  tags = 0;
  streams = 0;
  address = "";
  readonly #server = new GrpcServer();

  constructor(script: { tag?: (call: EventEmitter) => Promise<void>; stream?: (stream: Stream) => void }) {
    const service = (name: string, isStream: boolean) => ({
      path: `/tagwerk.v1.TaggingService/${name}`,
      requestStream: isStream,
      responseStream: isStream,
      ...decoded,
    });
    this.#server.addService(
      {
        Tag: {
          ...service("Tag", false),
          responseSerialize: () => Buffer.from(toBinary(TagResponseSchema, create(TagResponseSchema, { document: {} }))),
          responseDeserialize: (bytes: Buffer) => bytes,
        },
        GetInfo: {
          ...service("GetInfo", false),
          responseSerialize: () => Buffer.from(toBinary(GetInfoResponseSchema, create(GetInfoResponseSchema))),
          responseDeserialize: (bytes: Buffer) => bytes,
        },
        TagStream: {
          ...service("TagStream", true),
          requestDeserialize: (bytes: Buffer) => fromBinary(TagStreamRequestSchema, bytes),
          responseSerialize: (answer: Answer) =>
            Buffer.from(toBinary(TagStreamResponseSchema, create(TagStreamResponseSchema, answer))),
          responseDeserialize: (bytes: Buffer) => bytes,
        },
      },
      {
        Tag: (call: EventEmitter, callback: (error: Partial<ServiceError> | null, answer?: unknown) => void) => {
          this.tags++;
          script.tag?.(call).then(
            () => callback(null, {}),
            (error: Partial<ServiceError>) => callback(error),
          );
        },
        GetInfo: (_: unknown, callback: (error: null, answer: unknown) => void) => callback(null, {}),
        TagStream: (stream: Stream) => {
          this.streams++;
          script.stream?.(stream);
        },
      },
    );
  }

  async start(): Promise<this> {
    const port = await new Promise<number>((resolve, reject) =>
      this.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    this.address = `127.0.0.1:${port}`;
    return this;
  }

  close(): void {
    this.#server.forceShutdown();
  }
}

/** A status that says to come back in so many milliseconds. */
export function full(retryAfter: number): Status {
  const retry = create(RetryInfoSchema, { retryDelay: durationFromMs(retryAfter) });
  return create(StatusSchema, {
    code: Code.RESOURCE_EXHAUSTED,
    message: "full",
    details: [anyPack(RetryInfoSchema, retry)],
  });
}

/** A status for a text that the model fails on. */
export function defect(): Status {
  const info = create(ErrorInfoSchema, { reason: "DEFECT" });
  return create(StatusSchema, { code: Code.INTERNAL, message: "failed", details: [anyPack(ErrorInfoSchema, info)] });
}

/** The error of a call that ends in a status. */
export function errorOf(status: Status): Partial<ServiceError> {
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, status)));
  return Object.assign(new Error(status.message), { code: status.code, details: status.message, metadata });
}
