// The documents of one tagMany on their way: which wait for an answer, which are to be sent, what comes next. Knows no
// network.
import { create, toBinary } from "@bufbuild/protobuf";
import { status as Code } from "@grpc/grpc-js";

import { type Document, type Submitted, documentMessage, documentOf, optionsMessage } from "./documents.js";
import { TagwerkError, failed, invalid, isFinal, isPassing, ofStatus } from "./errors.js";
import type { TagOptions } from "./proto/tagwerk/v1/document_pb.js";
import { type Limits, type TagStreamResponse, TagStreamRequestSchema } from "./proto/tagwerk/v1/tagging_service_pb.js";
import { TaggedDocument } from "./results.js";

/** A tagged document, or why it could not be tagged. */
export type Outcome = TaggedDocument | TagwerkError;

/** The first pause is at most this many milliseconds, the second at most twice that, and so on. */
const SHORTEST_PAUSE = 200;

/** No pause is longer, in milliseconds, unless the server wants it so. */
const LONGEST_PAUSE = 10_000;

/** A stream that came to no good end. */
export class Broken extends Error {
  constructor(override readonly cause: TagwerkError) {
    super(cause.message);
  }
}

/** One document on its way. */
interface Way {
  place: number;
  document: Document;
  request: Uint8Array;
  refusedSince?: number;
}

export interface Terms {
  /** Documents taken and not handed out. */
  inFlight: number;
  /** Whether they are handed out in the order of the input. */
  ordered: boolean;
  /** Milliseconds of failures without an answer after which it gives up. */
  patience: number;
  /** Milliseconds for all of them. */
  timeout: number | undefined;
}

export class Delivery {
  readonly #options: TagOptions;
  readonly #terms: Terms;
  readonly #deadline: number | undefined;
  #taken = 0;
  #handedOut = 0;
  /** By place, in the order of the input. */
  readonly #waiting = new Map<number, Way>();
  #unsent: Way[] = [];
  /** What the present stream was sent, by sequence number, until it is answered. */
  readonly #sent = new Map<bigint, Way>();
  #sequence = 0n;
  /** Answers by place, with their documents, that are not handed out yet. */
  readonly #held = new Map<number, { document: Document; outcome: Outcome }>();
  #notBefore = 0;
  /** The time of the first failure since the last answer. */
  #failingSince: number | undefined;
  #failures = 0;
  #maxText = Infinity;
  #maxMessage = Infinity;

  constructor(options: TagOptions, terms: Terms) {
    if (!Number.isInteger(terms.inFlight) || terms.inFlight < 1) {
      throw new RangeError(`inFlight must be a whole number and at least 1, not ${terms.inFlight}`);
    }
    this.#options = options;
    this.#terms = terms;
    this.#deadline = terms.timeout === undefined ? undefined : performance.now() + terms.timeout;
  }

  /** Whether another document may be taken from the input. */
  get hasRoom(): boolean {
    return this.#waiting.size + this.#held.size < this.#terms.inFlight;
  }

  /** Whether everything taken was answered and handed out. */
  get isEmpty(): boolean {
    return this.#waiting.size + this.#held.size === 0;
  }

  /** Takes a document of the input. One that can't be sent is answered here. */
  add(submitted: Submitted): void {
    const place = this.#taken++;
    const document = documentOf(submitted);
    try {
      const options = document.options ? optionsMessage(document.options) : this.#options;
      const request = toBinary(
        TagStreamRequestSchema,
        create(TagStreamRequestSchema, { document: documentMessage(document), options }),
      );
      const way = { place, document, request };
      this.#waiting.set(place, way);
      this.#unsent.push(way);
    } catch (error) {
      if (!(error instanceof TagwerkError)) throw error;
      this.#hold(place, document, error);
    }
  }

  /** A new stream: everything without an answer is to be sent, in the order of the input. */
  begin(limits: Limits | undefined): void {
    this.#maxText = limits?.maxDocumentBytes || Infinity;
    this.#maxMessage = limits?.maxMessageBytes || Infinity;
    this.#sequence = 0n;
    this.#sent.clear();
    this.#unsent = [...this.#waiting.values()];
  }

  /** What is to be sent now; undefined where nothing is, or a pause is on. */
  nextRequest(): Uint8Array | undefined {
    while (this.#unsent.length > 0 && this.#rest() <= 0) {
      const way = this.#unsent.shift()!;
      // A message that is too large would end the stream, and with it the documents beside it.
      const size = way.request.length > this.#maxText ? Buffer.byteLength(way.document.text) : 0;
      if (size > this.#maxText) {
        const description = `has ${size} bytes, of ${this.#maxText} at most`;
        this.#answer(way, invalid("document.text", description, "TEXT_TOO_LARGE"));
      } else if (way.request.length > this.#maxMessage) {
        const description = `has ${way.request.length} bytes with its options, of ${this.#maxMessage} at most`;
        this.#answer(way, invalid("document", description));
      } else {
        this.#sent.set(this.#sequence++, way);
        return way.request;
      }
    }
    return undefined;
  }

  /** Milliseconds after which `nextRequest` should be asked again; undefined: not before an answer comes. */
  get pause(): number | undefined {
    return this.#unsent.length > 0 ? Math.max(this.#rest(), 0) : undefined;
  }

  /** Milliseconds until the deadline; Infinity without one. */
  get left(): number {
    return this.#deadline === undefined ? Infinity : this.#deadline - performance.now();
  }

  /** Takes an answer of the stream. Throws Broken for one that is none. */
  take(response: TagStreamResponse): void {
    const way = this.#sent.get(response.sequence);
    if (!way) return;
    this.#sent.delete(response.sequence);
    const { result } = response;
    if (result.case === "document") {
      this.#answer(way, new TaggedDocument(way.document.text, result.value));
    } else if (result.case === "error") {
      const error = ofStatus(result.value);
      const now = performance.now();
      way.refusedSince ??= now;
      if (isPassing(error) && now - way.refusedSince < this.#terms.patience) {
        this.#wait(error.retryAfter, 0);
        this.#unsent.push(way);
        return;
      }
      this.#answer(way, error);
    } else {
      throw new Broken(failed(Code.INTERNAL, "an answer without a result"));
    }
    this.#failingSince = undefined;
    this.#failures = 0;
  }

  /** What is to be handed out now; undefined where nothing is. */
  nextOutcome(): Outcome | undefined {
    const place = this.#terms.ordered ? this.#handedOut : this.#held.keys().next().value;
    const held = place === undefined ? undefined : this.#held.get(place);
    if (place === undefined || !held) return undefined;
    this.#held.delete(place);
    this.#handedOut++;
    return held.outcome;
  }

  /** The stream broke. Gives the milliseconds to wait before the next; throws what nothing can be done about. */
  broken(error: TagwerkError): number {
    if (this.left <= 0) throw this.with(failed(Code.DEADLINE_EXCEEDED, "not all documents were answered in time"));
    const now = performance.now();
    this.#failingSince ??= now;
    if (isFinal(error) || now - this.#failingSince > this.#terms.patience) throw this.with(error);
    this.#wait(error.retryAfter, this.#failures++);
    return Math.max(Math.min(this.#rest(), this.left), 0);
  }

  /** An error with what it leaves unanswered, in the order of the input. */
  with(error: TagwerkError): TagwerkError {
    const places = [...this.#waiting.values(), ...Array.from(this.#held, ([place, { document }]) => ({ place, document }))];
    error.unanswered = places.sort((a, b) => a.place - b.place).map(({ document }) => document);
    return error;
  }

  #rest(): number {
    return this.#notBefore - performance.now();
  }

  /** Holds back what is to be sent: as long as the server has told and up to twice that, or else for a random time
   * that may grow with the failures. Without chance all clients would come back in the same moment. */
  #wait(told: number | undefined, failures: number): void {
    const longest = told || Math.min(SHORTEST_PAUSE * 2 ** Math.min(failures, 10), LONGEST_PAUSE);
    this.#notBefore = Math.max(this.#notBefore, performance.now() + (told ?? 0) + Math.random() * longest);
  }

  #answer(way: Way, outcome: Outcome): void {
    this.#waiting.delete(way.place);
    this.#hold(way.place, way.document, outcome);
  }

  #hold(place: number, document: Document, outcome: Outcome): void {
    if (outcome instanceof TagwerkError) outcome.document = document;
    this.#held.set(place, { document, outcome });
  }
}
