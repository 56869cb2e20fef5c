// The messages of proto/tagwerk/v1 that the page sends and reads, as tables for wire.js. Fields that it has no use for
// are left out.

export const OFFSET_UNIT_UTF16 = 2;

export const PERSON = 1;
export const ORGANIZATION = 2;
export const LOCATION = 3;
export const MISCELLANEOUS = 4;

export const FAVORABLE = 1;
export const NEUTRAL = 2;
export const UNFAVORABLE = 3;

/** HolderKind and SpeakerKind have the same numbers. */
export const BY_MENTION = 1;
export const BY_AUTHOR = 2;
export const BY_UNNAMED = 3;

const Document = { 1: ["id", "string"], 2: ["text", "string"], 3: ["language", "string"] };

const Target = { 1: ["id", "string"], 2: ["names", ["string"]] };

const TagOptions = { 1: ["offsetUnit", "uint32"], 4: ["targets", [() => Target]] };

export const TagRequest = { 1: ["document", () => Document], 2: ["options", () => TagOptions] };

const Span = { 1: ["start", "uint32"], 2: ["end", "uint32"] };

const Probabilities = { 1: ["favorable", "float"], 2: ["neutral", "float"], 3: ["unfavorable", "float"] };

/** Stance and Sentiment have the same fields. */
const Stance = { 1: ["polarity", "uint32"], 2: ["score", "float"], 3: ["probabilities", () => Probabilities] };

const Mention = {
  1: ["span", () => Span],
  2: ["text", "string"],
  3: ["type", "uint32"],
  4: ["entity", "uint32?"],
  5: ["probability", "float"],
  6: ["stance", () => Stance],
};

const EntityStance = {
  1: ["polarity", "uint32"],
  2: ["score", "float"],
  3: ["favorableCount", "uint32"],
  4: ["unfavorableCount", "uint32"],
};

const Entity = {
  1: ["name", "string"],
  2: ["type", "uint32"],
  3: ["mentions", ["uint32"]],
  4: ["salience", "float"],
  5: ["stance", () => EntityStance],
};

const StanceRelation = {
  1: ["target", "uint32"],
  2: ["holderKind", "uint32"],
  3: ["holder", "uint32?"],
  4: ["polarity", "uint32"],
  5: ["probability", "float"],
  6: ["holderProbability", "float"],
  7: ["evidence", () => Span],
};

const Quote = { 1: ["span", () => Span], 2: ["speakerKind", "uint32"], 3: ["speaker", "uint32?"] };

const Sentence = { 1: ["span", () => Span], 2: ["sentiment", () => Stance] };

const TargetSpan = { 1: ["span", () => Span], 2: ["text", "string"], 4: ["mention", "uint32?"] };

const TargetStance = {
  1: ["span", "uint32"],
  2: ["holderKind", "uint32"],
  3: ["holder", "uint32?"],
  4: ["polarity", "uint32"],
  5: ["probability", "float"],
  6: ["holderProbability", "float"],
  7: ["evidence", () => Span],
};

const Prominence = { 1: ["inHeadline", "uint32"], 2: ["inFirstParagraph", "uint32"], 3: ["share", "float"] };

const TargetAnswer = {
  1: ["id", "string"],
  2: ["spans", [() => TargetSpan]],
  3: ["stance", () => EntityStance],
  4: ["stances", [() => TargetStance]],
  7: ["prominence", () => Prominence],
};

const Coverage = { 1: ["bytesRead", "uint32"], 2: ["bytesTotal", "uint32"], 3: ["windows", "uint32"] };

const Model = { 1: ["name", "string"], 2: ["version", "string"], 3: ["fingerprint", "string"] };

const TaggedDocument = {
  2: ["language", "string"],
  3: ["languageProbability", "float"],
  4: ["mentions", [() => Mention]],
  5: ["entities", [() => Entity]],
  6: ["stances", [() => StanceRelation]],
  7: ["quotes", [() => Quote]],
  8: ["sentences", [() => Sentence]],
  9: ["sentiment", () => Stance],
  10: ["coverage", () => Coverage],
  11: ["model", () => Model],
  13: ["targets", [() => TargetAnswer]],
};

export const TagResponse = { 1: ["document", () => TaggedDocument] };

export const GetInfoRequest = {};

const ModelInfo = { 1: ["model", () => Model], 3: ["languages", ["string"]] };

const Limits = { 1: ["maxDocumentBytes", "uint32"] };

export const GetInfoResponse = {
  1: ["version", "string"],
  2: ["models", [() => ModelInfo]],
  3: ["limits", () => Limits],
};

// What the details of a status hold (google.rpc).

const Any = { 1: ["url", "string"], 2: ["value", "bytes"] };

export const RpcStatus = { 1: ["code", "uint32"], 2: ["message", "string"], 3: ["details", [() => Any]] };

export const ErrorInfo = { 1: ["reason", "string"] };

const FieldViolation = { 1: ["field", "string"], 2: ["description", "string"] };

export const BadRequest = { 1: ["violations", [() => FieldViolation]] };

const Duration = { 1: ["seconds", "uint32"], 2: ["nanos", "uint32"] };

export const RetryInfo = { 1: ["delay", () => Duration] };
