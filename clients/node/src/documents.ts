// What is submitted: documents, and how they are to be tagged.
import { create, type MessageInitShape } from "@bufbuild/protobuf";

import { invalid } from "./errors.js";
import {
  type Document as DocumentMessage,
  DocumentSchema,
  Feature,
  OffsetUnit,
  type TagOptions,
  TagOptionsSchema,
} from "./proto/tagwerk/v1/document_pb.js";

const FEATURES = {
  mentions: Feature.MENTIONS,
  entities: Feature.ENTITIES,
  stances: Feature.STANCES,
  quotes: Feature.QUOTES,
  sentences: Feature.SENTENCES,
  sentiment: Feature.SENTIMENT,
} as const;

/** A layer of the answer. */
export type FeatureName = keyof typeof FEATURES;

type Init = MessageInitShape<typeof TagOptionsSchema>;

/** A field of TagOptions as it is made there. */
type Field<Name extends string> = Init extends Partial<Record<Name, infer Value>> ? Value : unknown;

/** How a document is to be tagged. */
export interface Options {
  /** The layers to compute. None named: all. */
  features?: Iterable<FeatureName>;
  /** Mentions and stances that are less probable are left out, in [0, 1]. */
  minProbability?: number;
  /** TagOptions.targets: whom the answer has to say something about. */
  targets?: Field<"targets">;
  /** TagOptions.watchlist: a list of targets that the server has. */
  watchlist?: Field<"watchlist">;
  /** TagOptions.model: the model to ask, by name. Empty: the server's default. */
  model?: string;
}

/** A text to be tagged. */
export interface Document {
  /** The text. Line breaks separate headlines and paragraphs. */
  text: string;
  /** An id of the caller's; it comes back with the answer. */
  id?: string;
  /** The language as a BCP 47 tag; none: it is detected. */
  language?: string;
  /** How to tag this document; none: as the call says. */
  options?: Options;
}

/** What may be submitted: a text or a document. */
export type Submitted = string | Document;

/** The document that was submitted. Throws a TypeError for what can be none. */
export function documentOf(submitted: Submitted): Document {
  if (typeof submitted === "string") return { text: submitted };
  if (typeof submitted !== "object" || submitted === null || !("text" in submitted)) {
    throw new TypeError("a document is a string or an object with a text");
  }
  return submitted;
}

/** The message of a document. Throws InvalidArgument for what can't be sent. */
export function documentMessage(document: Document): DocumentMessage {
  const { text, id = "", language = "" } = document;
  for (const [field, value] of Object.entries({ id, text, language })) {
    if (typeof value !== "string") throw invalid(`document.${field}`, `must be a string, not ${typeof value}`);
    const half = value.search(/\p{Surrogate}/u);
    if (half >= 0) throw invalid(`document.${field}`, `has half a character at ${half}`);
  }
  return create(DocumentSchema, { id, text, language });
}

/** The message of some options. Throws InvalidArgument for what can't be sent. */
export function optionsMessage(options: Options): TagOptions {
  const init: Record<string, unknown> = { offsetUnit: OffsetUnit.UTF16_CODE_UNIT };
  for (const name of ["minProbability", "targets", "watchlist", "model"] as const) {
    const value = options[name];
    if (value === undefined || value === "") continue;
    if (!TagOptionsSchema.fields.some((field) => field.localName === name)) {
      throw invalid(`options.${name}`, "is unknown to this version of the API");
    }
    init[name] = value;
  }
  init["features"] = Array.from(options.features ?? [], (name) => {
    if (!Object.hasOwn(FEATURES, name)) {
      throw invalid("options.features", `has no layer "${name}"; there are ${Object.keys(FEATURES).join(", ")}`);
    }
    return FEATURES[name];
  });
  return create(TagOptionsSchema, init as Init);
}
