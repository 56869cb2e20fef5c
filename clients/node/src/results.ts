// What comes back: a document with its tagged spans.
//
// The classes read from the message that came, which `raw` gives. Offsets are UTF-16 code units, and so are valid for
// strings of JavaScript: `document.text.slice(mention.start, mention.end) === mention.text`.
import * as pb from "./proto/tagwerk/v1/document_pb.js";

/** What is named. UNKNOWN is one that a newer server knows. */
export type EntityType = "PERSON" | "ORGANIZATION" | "LOCATION" | "MISCELLANEOUS" | "UNKNOWN";

/** A position or tone. UNKNOWN is one that a newer server knows. */
export type Polarity = "FAVORABLE" | "NEUTRAL" | "UNFAVORABLE" | "UNKNOWN";

/** Who holds a stance, or speaks: somebody the document names, the author, or somebody who is only described. */
export type HolderKind = "MENTION" | "AUTHOR" | "UNNAMED" | "UNKNOWN";

/** The name of a number of an enumeration, as protobuf-es has it. */
function word<Name extends string>(names: Record<number, string>, number: number): Name | "UNKNOWN" {
  return number === 0 ? "UNKNOWN" : ((names[number] as Name | undefined) ?? "UNKNOWN");
}

const entityType = (number: number): EntityType => word<EntityType>(pb.EntityType, number);
const polarity = (number: number): Polarity => word<Polarity>(pb.Polarity, number);

/** A distribution over the polarities. */
export interface Probabilities {
  favorable: number;
  neutral: number;
  unfavorable: number;
}

function probabilities(raw: pb.PolarityProbabilities | undefined): Probabilities {
  return { favorable: raw?.favorable ?? 0, neutral: raw?.neutral ?? 0, unfavorable: raw?.unfavorable ?? 0 };
}

/** A range of the text, from `start` up to `end`, exclusive. */
export class Span {
  readonly #document: TaggedDocument;
  readonly start: number;
  readonly end: number;

  constructor(document: TaggedDocument, raw: pb.Span | undefined) {
    this.#document = document;
    this.start = raw?.start ?? 0;
    this.end = raw?.end ?? 0;
  }

  /** What stands there. */
  get text(): string {
    return this.#document.text.slice(this.start, this.end);
  }
}

/** Who holds a stance, or speaks. */
export class Holder {
  constructor(
    readonly kind: HolderKind,
    /** The mention that names the holder; undefined where none does. */
    readonly mention: Mention | undefined,
    /** How probable this holder is, given the stance; undefined for the speaker of a quote. */
    readonly probability: number | undefined,
  ) {}

  /** The name as it stands in the text, or "author" or "unnamed". */
  get text(): string {
    return this.mention?.text ?? this.kind.toLowerCase();
  }

  /** The entity that holds the stance; undefined where no mention names it. */
  get entity(): Entity | undefined {
    return this.mention?.entity;
  }
}

/** The stance toward one mention, and who holds it. */
export class Stance {
  constructor(
    readonly raw: pb.Stance,
    /** Who holds it, toward whom, and what says so; undefined where it is neutral. */
    readonly relation: StanceRelation | TargetStance | undefined,
  ) {}

  get polarity(): Polarity {
    return polarity(this.raw.polarity);
  }

  /** Favourable minus unfavourable, in [-1, 1]. */
  get score(): number {
    return this.raw.score;
  }

  get probabilities(): Probabilities {
    return probabilities(this.raw.probabilities);
  }

  /** Who holds it; undefined where it is neutral. */
  get holder(): Holder | undefined {
    return this.relation?.holder;
  }

  /** The clause or sentence that carries it; undefined where it is neutral. */
  get evidence(): Span | undefined {
    return this.relation?.evidence;
  }
}

/** A span that names an entity. */
export class Mention {
  readonly #document: TaggedDocument;

  constructor(
    document: TaggedDocument,
    /** Its place in `document.mentions`. */
    readonly index: number,
    readonly raw: pb.Mention,
  ) {
    this.#document = document;
  }

  /** The span exactly as submitted. */
  get text(): string {
    return this.raw.text;
  }

  get start(): number {
    return this.raw.span?.start ?? 0;
  }

  /** Exclusive. */
  get end(): number {
    return this.raw.span?.end ?? 0;
  }

  get type(): EntityType {
    return entityType(this.raw.type);
  }

  /** How sure the model is of span and type, in [0, 1]. */
  get probability(): number {
    return this.raw.probability;
  }

  /** What is named; undefined where entities were not asked for. */
  get entity(): Entity | undefined {
    return this.raw.entity === undefined ? undefined : this.#document.entities[this.raw.entity];
  }

  /** The stance toward it; undefined where stances were not asked for. */
  get stance(): Stance | undefined {
    return this.raw.stance && new Stance(this.raw.stance, this.#document.stanceToward(this));
  }
}

/** What the stances toward the mentions of one entity add up to. */
export class EntityStance {
  constructor(readonly raw: pb.EntityStance) {}

  get polarity(): Polarity {
    return polarity(this.raw.polarity);
  }

  /** The mean of the scores that are not neutral, in [-1, 1]. */
  get score(): number {
    return this.raw.score;
  }

  /** Mentions with a favourable stance. */
  get favorableCount(): number {
    return this.raw.favorableCount;
  }

  /** Mentions with an unfavourable stance. */
  get unfavorableCount(): number {
    return this.raw.unfavorableCount;
  }
}

/** One thing that the document names. */
export class Entity {
  readonly #document: TaggedDocument;

  constructor(
    document: TaggedDocument,
    /** Its place in `document.entities`. */
    readonly index: number,
    readonly raw: pb.Entity,
  ) {
    this.#document = document;
  }

  /** The best form of the name in the text. */
  get name(): string {
    return this.raw.name;
  }

  get type(): EntityType {
    return entityType(this.raw.type);
  }

  /** Where it is named, in the order of the text. */
  get mentions(): Mention[] {
    return this.raw.mentions.map((index) => this.#document.mention(index));
  }

  /** How prominent it is, in [0, 1]; those of a document sum to 1. */
  get salience(): number {
    return this.raw.salience;
  }

  /** The stance over the whole document; undefined where stances were not asked for. */
  get stance(): EntityStance | undefined {
    return this.raw.stance && new EntityStance(this.raw.stance);
  }
}

/** A stance that is not neutral, and who holds it. */
class Relation<Raw extends Omit<pb.StanceRelation, "target" | "$typeName" | "$unknown">> {
  protected readonly document: TaggedDocument;

  constructor(
    document: TaggedDocument,
    readonly raw: Raw,
  ) {
    this.document = document;
  }

  /** Whose stance it is. */
  get holder(): Holder {
    const { holder } = this.raw;
    const mention = holder === undefined ? undefined : this.document.mention(holder);
    return new Holder(word<HolderKind>(pb.HolderKind, this.raw.holderKind), mention, this.raw.holderProbability);
  }

  get polarity(): Polarity {
    return polarity(this.raw.polarity);
  }

  /** How probable the polarity is, in [0, 1]. */
  get probability(): number {
    return this.raw.probability;
  }

  /** The clause or sentence that carries the stance. */
  get evidence(): Span {
    return new Span(this.document, this.raw.evidence);
  }
}

/** A stance that is not neutral: who stands where on whom. */
export class StanceRelation extends Relation<pb.StanceRelation> {
  /** Toward whom. */
  get target(): Mention {
    return this.document.mention(this.raw.target);
  }
}

/** What the document says of one target, as the API has it. */
export interface RawTargetAnswer {
  id: string;
  spans: RawTargetSpan[];
  stance?: pb.EntityStance;
  stances: RawTargetStance[];
  quotesOf: number[];
  quotesAbout: number[];
  prominence?: { inHeadline: boolean; inFirstParagraph: boolean; share: number };
  entities: number[];
}

/** A place where the document names a target, as the API has it. */
export interface RawTargetSpan {
  span?: pb.Span;
  text: string;
  sentence?: pb.Span;
  mention?: number;
  stance?: pb.Stance;
}

/** A stance toward a target, as the API has it. */
export interface RawTargetStance extends Omit<pb.StanceRelation, "target" | "$typeName" | "$unknown"> {
  /** Index in the spans of the target. */
  span: number;
}

/** A stance toward a target that is not neutral. */
export class TargetStance extends Relation<RawTargetStance> {
  readonly #answer: TargetAnswer;

  constructor(document: TaggedDocument, answer: TargetAnswer, raw: RawTargetStance) {
    super(document, raw);
    this.#answer = answer;
  }

  /** The place that it is about. */
  get span(): TargetSpan | undefined {
    return this.#answer.spans[this.raw.span];
  }
}

/** A place where a document names a target. */
export class TargetSpan extends Span {
  /** The sentence around it; undefined where no sentence holds it. */
  readonly sentence: Span | undefined;
  /** The mention that it meets; undefined where it meets none. */
  readonly mention: Mention | undefined;
  /** The stance toward it; undefined where stances were not asked for. */
  readonly stance: Stance | undefined;

  constructor(
    document: TaggedDocument,
    readonly raw: RawTargetSpan,
    relation: TargetStance | undefined,
  ) {
    super(document, raw.span);
    this.sentence = raw.sentence && new Span(document, raw.sentence);
    this.mention = raw.mention === undefined ? undefined : document.mention(raw.mention);
    this.stance = raw.stance && new Stance(raw.stance, relation);
  }
}

/** What a document says of one target. */
export class TargetAnswer {
  readonly #document: TaggedDocument;
  /** Where the document names it, in the order of the text; empty where it does not. */
  readonly spans: readonly TargetSpan[];
  /** Who stands where on it: one for each span with a stance that is not neutral. */
  readonly stances: readonly TargetStance[];
  /** What the stances toward its spans add up to; undefined where stances were not asked for or there is no span. */
  readonly stance: EntityStance | undefined;

  constructor(
    document: TaggedDocument,
    readonly raw: RawTargetAnswer,
  ) {
    this.#document = document;
    this.stances = raw.stances.map((stance) => new TargetStance(document, this, stance));
    const toward = new Map(this.stances.map((stance) => [stance.raw.span, stance]));
    this.spans = raw.spans.map((span, index) => new TargetSpan(document, span, toward.get(index)));
    this.stance = raw.stance && new EntityStance(raw.stance);
  }

  /** The id of the target. */
  get id(): string {
    return this.raw.id;
  }

  /** Whether the document names it. */
  get isPresent(): boolean {
    return this.spans.length > 0;
  }

  /** The quotations that it speaks. */
  get quotesOf(): Quote[] {
    return this.raw.quotesOf.flatMap((index) => this.#document.quotes[index] ?? []);
  }

  /** The quotations in which it is named. */
  get quotesAbout(): Quote[] {
    return this.raw.quotesAbout.flatMap((index) => this.#document.quotes[index] ?? []);
  }

  /** The entities whose mentions its spans meet. */
  get entities(): Entity[] {
    return this.raw.entities.flatMap((index) => this.#document.entities[index] ?? []);
  }

  /** Whether the headline names it. */
  get inHeadline(): boolean {
    return this.raw.prominence?.inHeadline ?? false;
  }

  /** Whether the first paragraph names it. */
  get inFirstParagraph(): boolean {
    return this.raw.prominence?.inFirstParagraph ?? false;
  }

  /** Its share of all that the document names, in [0, 1]. */
  get share(): number {
    return this.raw.prominence?.share ?? 0;
  }
}

/** A passage in quotation marks in which somebody is quoted. */
export class Quote extends Span {
  readonly #document: TaggedDocument;

  constructor(
    document: TaggedDocument,
    readonly raw: pb.Quote,
  ) {
    super(document, raw.span);
    this.#document = document;
  }

  /** Who says it. */
  get speaker(): Holder {
    const { speaker } = this.raw;
    const mention = speaker === undefined ? undefined : this.#document.mention(speaker);
    return new Holder(word<HolderKind>(pb.SpeakerKind, this.raw.speakerKind), mention, undefined);
  }
}

/** The tone of a sentence or of the document. */
export class Sentiment {
  constructor(readonly raw: pb.Sentiment) {}

  get polarity(): Polarity {
    return polarity(this.raw.polarity);
  }

  /** Favourable minus unfavourable, in [-1, 1]. */
  get score(): number {
    return this.raw.score;
  }

  get probabilities(): Probabilities {
    return probabilities(this.raw.probabilities);
  }
}

/** A sentence, headline or other line of its own. */
export class Sentence extends Span {
  constructor(
    document: TaggedDocument,
    readonly raw: pb.Sentence,
  ) {
    super(document, raw.span);
  }

  /** Its tone; undefined where sentiment was not asked for. */
  get sentiment(): Sentiment | undefined {
    return this.raw.sentiment && new Sentiment(this.raw.sentiment);
  }
}

/** A document with its tagged spans. */
export class TaggedDocument {
  /** In the order of the text. They do not overlap. */
  readonly mentions: readonly Mention[];
  /** By falling salience. */
  readonly entities: readonly Entity[];
  /** One for each mention with a stance that is not neutral, in the order of the targets. */
  readonly stances: readonly StanceRelation[];
  /** In the order of the text. */
  readonly quotes: readonly Quote[];
  /** In the order of the text. */
  readonly sentences: readonly Sentence[];
  /** The tone of the whole; undefined where it was not asked for or there is no sentence. */
  readonly sentiment: Sentiment | undefined;
  /** What the document says of each target that was asked about, in their order. */
  readonly targets: readonly TargetAnswer[];
  readonly #toward: ReadonlyMap<number, StanceRelation>;

  constructor(
    /** The text as submitted. */
    readonly text: string,
    /** The answer itself. */
    readonly raw: pb.TaggedDocument,
  ) {
    this.mentions = raw.mentions.map((mention, index) => new Mention(this, index, mention));
    this.entities = raw.entities.map((entity, index) => new Entity(this, index, entity));
    this.stances = raw.stances.map((stance) => new StanceRelation(this, stance));
    this.quotes = raw.quotes.map((quote) => new Quote(this, quote));
    this.sentences = raw.sentences.map((sentence) => new Sentence(this, sentence));
    this.sentiment = raw.sentiment && new Sentiment(raw.sentiment);
    this.#toward = new Map(this.stances.map((stance) => [stance.raw.target, stance]));
    const targets = "targets" in raw ? (raw.targets as readonly RawTargetAnswer[]) : [];
    this.targets = targets.map((target) => new TargetAnswer(this, target));
  }

  /** The id of the submitted document. */
  get id(): string {
    return this.raw.id;
  }

  /** The language as a BCP 47 tag, given or detected; "und" where it can't be told. */
  get language(): string {
    return this.raw.language;
  }

  /** How probable the detected language is; 1 where it was given. */
  get languageProbability(): number {
    return this.raw.languageProbability;
  }

  /** How much was read: all of it. */
  get coverage(): pb.Coverage | undefined {
    return this.raw.coverage;
  }

  /** The model that gave this answer. The same text with the same fingerprint has the same answer. */
  get model(): pb.Model | undefined {
    return this.raw.model;
  }

  /** A 64-bit similarity hash: keys of edited copies differ in few bits. */
  get nearDuplicateKey(): bigint {
    return this.raw.nearDuplicateKey;
  }

  /** The mention with an index. Throws a RangeError where there is none. */
  mention(index: number): Mention {
    const mention = this.mentions[index];
    if (!mention) throw new RangeError(`there is no mention ${index}`);
    return mention;
  }

  /** The stance toward a mention, where it is not neutral. */
  stanceToward(mention: Mention): StanceRelation | undefined {
    return this.#toward.get(mention.index);
  }
}
