// The client.
import { create, toBinary } from "@bufbuild/protobuf";
import { type ClientDuplexStream, Metadata, type ServiceError, status as Code } from "@grpc/grpc-js";

import { Access, GET_INFO, INFO_REQUEST, type Method, type Settings, TAG, TAG_STREAM, encoded } from "./access.js";
import { Broken, Delivery, type Outcome } from "./delivery.js";
import { type Options, type Submitted, documentMessage, documentOf, optionsMessage } from "./documents.js";
import { TagwerkError, failed, isPassing, ofCall } from "./errors.js";
import { type GetInfoResponse, TagRequestSchema, type TagStreamResponse } from "./proto/tagwerk/v1/tagging_service_pb.js";
import { TaggedDocument } from "./results.js";

/** Milliseconds that a connection and the first call of a stream may take. */
const CONNECT = 10_000;

/** Milliseconds that the server has to end a stream in which everything is answered. */
const FAREWELL = 1_000;

/** The time of a call. */
export interface CallSettings {
  /** Milliseconds, retries included; where none is given, those of the client. */
  timeout?: number;
  /** Cancels the call; it then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** How to tag one document. */
export interface TagSettings extends Options, CallSettings {
  /** An id of the caller's, for a text; it comes back with the answer. */
  id?: string;
  /** The language of a text as a BCP 47 tag; none: it is detected. */
  language?: string;
}

/** How to tag many. */
export interface TagManySettings extends Options {
  /** "throw" the first document that could not be tagged, or "return" its error in its place, with the `document` that
   * it is about. */
  errors?: "throw" | "return";
  /** In the order of the input (the default), or as they come. */
  ordered?: boolean;
  /** Documents read and not handed out; 64, twice what the server works on in one stream, where none is given. */
  inFlight?: number;
  /** Milliseconds for all of them; none: any. */
  timeout?: number;
  /** Milliseconds of failures without an answer after which it gives up; 600,000 where none is given. */
  patience?: number;
  /** Ends the stream; the loop then throws the signal's reason. */
  signal?: AbortSignal;
}

/** A client of a Tagwerk server. */
export class Client {
  readonly #access: Access;
  readonly #timeout: number;

  /** server: "host:port", "http://host:port", "https://host:port" for TLS, or a name of gRPC's own such as
   * "dns:///tagwerk:50051". Calls go in turn to all addresses that the name has. */
  constructor(server = "http://127.0.0.1:50051", settings: Settings = {}) {
    this.#access = new Access(server, settings);
    this.#timeout = settings.timeout ?? 30_000;
  }

  /** Tags one document. Rejects with a TagwerkError by the status: InvalidArgument, DeadlineExceeded and so on. */
  async tag(submitted: Submitted, settings: TagSettings = {}): Promise<TaggedDocument> {
    const { id, language, timeout, signal, ...options } = settings;
    let document = documentOf(submitted);
    if (id !== undefined || language !== undefined) {
      if (typeof submitted !== "string") throw new TypeError("id and language belong into the document that is given");
      document = { text: submitted, ...(id === undefined ? {} : { id }), ...(language === undefined ? {} : { language }) };
    }
    if (document.options && Object.keys(options).length > 0) {
      throw new TypeError("options belong into the document or into the call, not into both");
    }
    const message = create(TagRequestSchema, {
      document: documentMessage(document),
      options: optionsMessage(document.options ?? options),
    });
    const answer = await this.#call(TAG, toBinary(TagRequestSchema, message), timeout, signal);
    if (!answer.document) throw failed(Code.INTERNAL, "an answer without a document");
    return new TaggedDocument(document.text, answer.document);
  }

  /** Tags documents in any number over one stream, and gives the answers as the loop asks for them.
   *
   * The input is read as there is room. When the stream breaks, another is opened and what has no answer is sent again,
   * and nothing else: the same text has the same answer, and each is handed out once. What it throws has what is left
   * in `unanswered`. */
  tagMany(
    documents: Iterable<Submitted> | AsyncIterable<Submitted>,
    settings: TagManySettings & { errors: "return" },
  ): AsyncGenerator<TaggedDocument | TagwerkError, void, undefined>;
  tagMany(
    documents: Iterable<Submitted> | AsyncIterable<Submitted>,
    settings?: TagManySettings & { errors?: "throw" },
  ): AsyncGenerator<TaggedDocument, void, undefined>;
  tagMany(
    documents: Iterable<Submitted> | AsyncIterable<Submitted>,
    settings: TagManySettings = {},
  ): AsyncGenerator<Outcome, void, undefined> {
    if (typeof documents === "string") throw new TypeError("tagMany takes an iterable of documents; tag takes one");
    const { errors = "throw", ordered = true, inFlight = 64, timeout, patience = 600_000, signal, ...options } = settings;
    const delivery = new Delivery(optionsMessage(options), { inFlight, ordered, patience, timeout });
    return this.#deliver(delivery, new Source(documents), errors === "throw", signal);
  }

  /** The server's version, its models and what it accepts. */
  async info(settings: CallSettings = {}): Promise<GetInfoResponse> {
    return this.#call(GET_INFO, INFO_REQUEST, settings.timeout, settings.signal);
  }

  /** Ends the connection when the calls in flight have ended. */
  close(): void {
    this.#access.channel.close();
  }

  /** Makes a call, and again where the server says when to come back and that is in time. Where it can't be reached,
   * gRPC's own retries have tried. */
  async #call<Response>(
    method: Method<Response>,
    request: Uint8Array,
    timeout: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const deadline = performance.now() + (timeout ?? this.#timeout);
    for (;;) {
      try {
        return await this.#once(method, request, deadline - performance.now(), signal);
      } catch (error) {
        if (!(error instanceof TagwerkError) || !isPassing(error) || error.retryAfter === undefined) throw error;
        // Up to twice as late: without chance all clients would come back in the same moment.
        const pause = error.retryAfter + Math.random() * Math.max(error.retryAfter, 10);
        if (performance.now() + pause >= deadline) throw error;
        await rest(pause, signal);
      }
    }
  }

  async #once<Response>(
    method: Method<Response>,
    request: Uint8Array,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const metadata = await this.#access.metadata();
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const cancel = () => call.cancel();
      const call = this.#access.channel.makeUnaryRequest(
        method.path,
        encoded,
        method.decode,
        request,
        metadata,
        { deadline: after(timeout) },
        (error, answer) => {
          signal?.removeEventListener("abort", cancel);
          if (!error) resolve(answer as Response);
          else reject(signal?.aborted ? signal.reason : ofCall(error));
        },
      );
      signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  async *#deliver(
    delivery: Delivery,
    source: Source,
    throws: boolean,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Outcome, void, undefined> {
    try {
      for (;;) {
        let pause: number;
        try {
          for await (const outcome of this.#exchange(delivery, source, signal)) {
            if (throws && outcome instanceof TagwerkError) throw delivery.with(outcome);
            yield outcome;
          }
          return;
        } catch (error) {
          if (!(error instanceof Broken)) throw error;
          pause = delivery.broken(error.cause);
        }
        await rest(pause, signal);
      }
    } finally {
      source.close();
    }
  }

  /** Opens a stream and keeps it busy until there is nothing left to do. Throws Broken where it breaks. */
  async *#exchange(
    delivery: Delivery,
    source: Source,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Outcome, void, undefined> {
    const bell = new Bell();
    const ring = () => bell.ring();
    signal?.addEventListener("abort", ring);
    let call: ClientDuplexStream<Uint8Array, TagStreamResponse> | undefined;
    try {
      while (!source.isRead && delivery.isEmpty) {
        source.read(bell);
        await bell.rung();
        signal?.throwIfAborted();
        source.takeInto(delivery);
      }
      if (source.isRead && delivery.isEmpty) return;
      delivery.begin(await this.#limits(Math.min(CONNECT, delivery.left), signal));
      const metadata = await this.#access.metadata();
      const { answers, opened } = this.#open(metadata, delivery.left, bell);
      call = opened;
      for (;;) {
        signal?.throwIfAborted();
        for (let request; (request = delivery.nextRequest()); ) call.write(request);
        for (let outcome; (outcome = delivery.nextOutcome()); ) yield outcome;
        if (source.isRead && delivery.isEmpty) break;
        if (!source.isRead && delivery.hasRoom) source.read(bell);
        await bell.rung(delivery.pause);
        for (const answer of answers.splice(0)) {
          if (answer instanceof TagwerkError) throw new Broken(answer);
          delivery.take(answer);
        }
        source.takeInto(delivery);
      }
      // Ends the stream as it should end. Everything is answered, so that its status says nothing new.
      call.end();
      while (answers.length === 0 && (await bell.rung(FAREWELL)));
    } finally {
      signal?.removeEventListener("abort", ring);
      call?.cancel();
    }
  }

  /** Opens a stream. Its answers, and behind them what it ended in, go into a list that never holds more than the
   * documents that are in flight. */
  #open(metadata: Metadata, timeout: number, bell: Bell) {
    const answers: (TagStreamResponse | TagwerkError)[] = [];
    const opened = this.#access.channel.makeBidiStreamRequest(
      TAG_STREAM.path,
      encoded,
      TAG_STREAM.decode,
      metadata,
      { deadline: after(timeout) },
    );
    const put = (answer: TagStreamResponse | TagwerkError) => {
      answers.push(answer);
      bell.ring();
    };
    opened.on("data", put);
    opened.on("error", (error: ServiceError) => put(ofCall(error)));
    opened.on("end", () => put(failed(Code.UNAVAILABLE, "the server ended the stream")));
    return { answers, opened };
  }

  /** What the server accepts. Throws Broken where it can't be reached. */
  async #limits(timeout: number, signal: AbortSignal | undefined) {
    try {
      const info = await this.#once(GET_INFO, INFO_REQUEST, timeout, signal);
      return info.limits;
    } catch (error) {
      throw error instanceof TagwerkError ? new Broken(error) : error;
    }
  }
}

/** The input of a tagMany. At most one document is being read at a time. */
class Source {
  readonly #iterator: Iterator<Submitted> | AsyncIterator<Submitted>;
  #bell: Bell | undefined;
  #isReading = false;
  #done: { result: IteratorResult<Submitted> } | { error: unknown } | undefined;
  isRead = false;

  constructor(documents: Iterable<Submitted> | AsyncIterable<Submitted>) {
    this.#iterator =
      Symbol.asyncIterator in documents ? documents[Symbol.asyncIterator]() : documents[Symbol.iterator]();
  }

  /** Begins to read the next document, or goes on with it, and rings when it is there. */
  read(bell: Bell): void {
    if (this.#done) bell.ring();
    this.#bell = bell;
    if (this.#isReading || this.#done) return;
    this.#isReading = true;
    const finish = (done: { result: IteratorResult<Submitted> } | { error: unknown }) => {
      this.#isReading = false;
      this.#done = done;
      this.#bell?.ring();
    };
    new Promise<IteratorResult<Submitted>>((resolve) => resolve(this.#iterator.next())).then(
      (result) => finish({ result }),
      (error: unknown) => finish({ error }),
    );
  }

  /** Takes the document that was read, if one was. Throws what reading threw. */
  takeInto(delivery: Delivery): void {
    const done = this.#done;
    this.#done = undefined;
    if (!done) return;
    if ("error" in done) throw done.error;
    if (done.result.done) this.isRead = true;
    else delivery.add(done.result.value);
  }

  /** Reads no further. */
  close(): void {
    if (this.isRead) return;
    // Not waited for: it may wait itself for a document that never comes.
    Promise.resolve(this.#iterator.return?.()).catch(() => {});
  }
}

/** What a loop waits for. */
class Bell {
  #isRung = false;
  #wake: ((isRung: boolean) => void) | undefined;

  ring(): void {
    this.#isRung = true;
    this.#wake?.(true);
  }

  /** Waits until it is rung, or was since the last time; at most so many milliseconds. Says whether it was. */
  async rung(timeout?: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const isRung =
      this.#isRung ||
      (await new Promise<boolean>((resolve) => {
        this.#wake = resolve;
        if (timeout !== undefined) timer = setTimeout(() => resolve(false), timeout);
      }));
    clearTimeout(timer);
    this.#wake = undefined;
    this.#isRung = false;
    return isRung;
  }
}

/** Waits so many milliseconds; rejects with the signal's reason. */
async function rest(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const bell = new Bell();
  const ring = () => bell.ring();
  signal?.addEventListener("abort", ring, { once: true });
  await bell.rung(milliseconds);
  signal?.removeEventListener("abort", ring);
  signal?.throwIfAborted();
}

/** The deadline of gRPC in so many milliseconds. */
function after(milliseconds: number): Date | number {
  return milliseconds === Infinity ? Infinity : new Date(Date.now() + Math.max(milliseconds, 0));
}
