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

/** TargetType of the API. */
const TARGET_TYPES = { PERSON: 1, ORGANIZATION: 2, LOCATION: 3, MISCELLANEOUS: 4, TOPIC: 5 } as const;

/** Something that a document is asked about. */
export interface Target {
  /** The caller's own id; it comes back with the answer. */
  id: string;
  /** The name and other names, in their base form; none: the id is the name. */
  names?: readonly string[];
  /** What kind of thing it is; none: it is not said. */
  type?: keyof typeof TARGET_TYPES;
}

/** How a document is to be tagged. */
export interface Options {
  /** The layers to compute. None named: all. */
  features?: Iterable<FeatureName>;
  /** Mentions and stances that are less probable are left out, in [0, 1]. */
  minProbability?: number;
  /** What the document is asked about: names or targets. */
  targets?: Iterable<string | Target>;
  /** A watchlist of the server, by name, whose targets are asked about too. */
  watchlist?: string;
  /** Only targets that the document names are answered. */
  presentTargetsOnly?: boolean;
  /** The model to ask, by name. Empty: the server's default. */
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
  const { minProbability, watchlist, presentTargetsOnly, model } = options;
  const targets = Array.from(options.targets ?? [], targetInit);
  const given = { minProbability, watchlist, presentTargetsOnly, model, targets: targets.length > 0 ? targets : undefined };
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === "" || value === false) continue;
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
  return create(TagOptionsSchema, init as MessageInitShape<typeof TagOptionsSchema>);
}

function targetInit(target: string | Target, index: number) {
  const { id, names, type } = typeof target === "string" ? { id: target } : (target as Target);
  if (type !== undefined && !Object.hasOwn(TARGET_TYPES, type)) {
    const known = Object.keys(TARGET_TYPES).join(", ");
    throw invalid(`options.targets[${index}].type`, `must be one of ${known}, not ${type}`);
  }
  if (names !== undefined && !Array.isArray(names)) {
    throw invalid(`options.targets[${index}].names`, "must be a list");
  }
  return { id, names: names?.length ? names : [id], type: type ? TARGET_TYPES[type] : 0 };
}
