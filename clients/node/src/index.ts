/** Client of Tagwerk: who is in a news text, and who stands where on whom. */
export type { Pem, Secret, Settings } from "./access.js";
export { type CallSettings, Client, type TagManySettings, type TagSettings } from "./client.js";
export type { Document, FeatureName, Options, Submitted, Target } from "./documents.js";
export {
  Cancelled,
  DeadlineExceeded,
  FailedPrecondition,
  type FieldViolation,
  Internal,
  InvalidArgument,
  NotFound,
  OutOfRange,
  PermissionDenied,
  ResourceExhausted,
  TagwerkError,
  Unauthenticated,
  Unavailable,
  Unimplemented,
} from "./errors.js";
export {
  Entity,
  EntityStance,
  type EntityType,
  Holder,
  type HolderKind,
  Mention,
  type Polarity,
  type Probabilities,
  Quote,
  Sentence,
  Sentiment,
  Span,
  Stance,
  StanceRelation,
  TaggedDocument,
  TargetAnswer,
  TargetSpan,
  TargetStance,
} from "./results.js";
