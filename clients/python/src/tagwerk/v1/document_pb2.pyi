from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OffsetUnit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OFFSET_UNIT_UNSPECIFIED: _ClassVar[OffsetUnit]
    OFFSET_UNIT_UTF8_BYTE: _ClassVar[OffsetUnit]
    OFFSET_UNIT_UTF16_CODE_UNIT: _ClassVar[OffsetUnit]
    OFFSET_UNIT_CODE_POINT: _ClassVar[OffsetUnit]

class Feature(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEATURE_UNSPECIFIED: _ClassVar[Feature]
    FEATURE_MENTIONS: _ClassVar[Feature]
    FEATURE_ENTITIES: _ClassVar[Feature]
    FEATURE_STANCES: _ClassVar[Feature]
    FEATURE_QUOTES: _ClassVar[Feature]
    FEATURE_SENTENCES: _ClassVar[Feature]
    FEATURE_SENTIMENT: _ClassVar[Feature]

class TargetType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TARGET_TYPE_UNSPECIFIED: _ClassVar[TargetType]
    TARGET_TYPE_PERSON: _ClassVar[TargetType]
    TARGET_TYPE_ORGANIZATION: _ClassVar[TargetType]
    TARGET_TYPE_LOCATION: _ClassVar[TargetType]
    TARGET_TYPE_MISCELLANEOUS: _ClassVar[TargetType]
    TARGET_TYPE_TOPIC: _ClassVar[TargetType]

class EntityType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENTITY_TYPE_UNSPECIFIED: _ClassVar[EntityType]
    ENTITY_TYPE_PERSON: _ClassVar[EntityType]
    ENTITY_TYPE_ORGANIZATION: _ClassVar[EntityType]
    ENTITY_TYPE_LOCATION: _ClassVar[EntityType]
    ENTITY_TYPE_MISCELLANEOUS: _ClassVar[EntityType]

class Polarity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POLARITY_UNSPECIFIED: _ClassVar[Polarity]
    POLARITY_FAVORABLE: _ClassVar[Polarity]
    POLARITY_NEUTRAL: _ClassVar[Polarity]
    POLARITY_UNFAVORABLE: _ClassVar[Polarity]

class HolderKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HOLDER_KIND_UNSPECIFIED: _ClassVar[HolderKind]
    HOLDER_KIND_MENTION: _ClassVar[HolderKind]
    HOLDER_KIND_AUTHOR: _ClassVar[HolderKind]
    HOLDER_KIND_UNNAMED: _ClassVar[HolderKind]

class SpeakerKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SPEAKER_KIND_UNSPECIFIED: _ClassVar[SpeakerKind]
    SPEAKER_KIND_MENTION: _ClassVar[SpeakerKind]
    SPEAKER_KIND_AUTHOR: _ClassVar[SpeakerKind]
    SPEAKER_KIND_UNNAMED: _ClassVar[SpeakerKind]
OFFSET_UNIT_UNSPECIFIED: OffsetUnit
OFFSET_UNIT_UTF8_BYTE: OffsetUnit
OFFSET_UNIT_UTF16_CODE_UNIT: OffsetUnit
OFFSET_UNIT_CODE_POINT: OffsetUnit
FEATURE_UNSPECIFIED: Feature
FEATURE_MENTIONS: Feature
FEATURE_ENTITIES: Feature
FEATURE_STANCES: Feature
FEATURE_QUOTES: Feature
FEATURE_SENTENCES: Feature
FEATURE_SENTIMENT: Feature
TARGET_TYPE_UNSPECIFIED: TargetType
TARGET_TYPE_PERSON: TargetType
TARGET_TYPE_ORGANIZATION: TargetType
TARGET_TYPE_LOCATION: TargetType
TARGET_TYPE_MISCELLANEOUS: TargetType
TARGET_TYPE_TOPIC: TargetType
ENTITY_TYPE_UNSPECIFIED: EntityType
ENTITY_TYPE_PERSON: EntityType
ENTITY_TYPE_ORGANIZATION: EntityType
ENTITY_TYPE_LOCATION: EntityType
ENTITY_TYPE_MISCELLANEOUS: EntityType
POLARITY_UNSPECIFIED: Polarity
POLARITY_FAVORABLE: Polarity
POLARITY_NEUTRAL: Polarity
POLARITY_UNFAVORABLE: Polarity
HOLDER_KIND_UNSPECIFIED: HolderKind
HOLDER_KIND_MENTION: HolderKind
HOLDER_KIND_AUTHOR: HolderKind
HOLDER_KIND_UNNAMED: HolderKind
SPEAKER_KIND_UNSPECIFIED: SpeakerKind
SPEAKER_KIND_MENTION: SpeakerKind
SPEAKER_KIND_AUTHOR: SpeakerKind
SPEAKER_KIND_UNNAMED: SpeakerKind

class Document(_message.Message):
    __slots__ = ("id", "text", "language")
    ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    id: str
    text: str
    language: str
    def __init__(self, id: _Optional[str] = ..., text: _Optional[str] = ..., language: _Optional[str] = ...) -> None: ...

class TagOptions(_message.Message):
    __slots__ = ("offset_unit", "features", "min_probability", "targets", "watchlist", "model", "present_targets_only")
    OFFSET_UNIT_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    MIN_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    WATCHLIST_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PRESENT_TARGETS_ONLY_FIELD_NUMBER: _ClassVar[int]
    offset_unit: OffsetUnit
    features: _containers.RepeatedScalarFieldContainer[Feature]
    min_probability: float
    targets: _containers.RepeatedCompositeFieldContainer[Target]
    watchlist: str
    model: str
    present_targets_only: bool
    def __init__(self, offset_unit: _Optional[_Union[OffsetUnit, str]] = ..., features: _Optional[_Iterable[_Union[Feature, str]]] = ..., min_probability: _Optional[float] = ..., targets: _Optional[_Iterable[_Union[Target, _Mapping]]] = ..., watchlist: _Optional[str] = ..., model: _Optional[str] = ..., present_targets_only: bool = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("id", "names", "type")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    id: str
    names: _containers.RepeatedScalarFieldContainer[str]
    type: TargetType
    def __init__(self, id: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., type: _Optional[_Union[TargetType, str]] = ...) -> None: ...

class Span(_message.Message):
    __slots__ = ("start", "end")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    start: int
    end: int
    def __init__(self, start: _Optional[int] = ..., end: _Optional[int] = ...) -> None: ...

class PolarityProbabilities(_message.Message):
    __slots__ = ("favorable", "neutral", "unfavorable")
    FAVORABLE_FIELD_NUMBER: _ClassVar[int]
    NEUTRAL_FIELD_NUMBER: _ClassVar[int]
    UNFAVORABLE_FIELD_NUMBER: _ClassVar[int]
    favorable: float
    neutral: float
    unfavorable: float
    def __init__(self, favorable: _Optional[float] = ..., neutral: _Optional[float] = ..., unfavorable: _Optional[float] = ...) -> None: ...

class Stance(_message.Message):
    __slots__ = ("polarity", "score", "probabilities")
    POLARITY_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    polarity: Polarity
    score: float
    probabilities: PolarityProbabilities
    def __init__(self, polarity: _Optional[_Union[Polarity, str]] = ..., score: _Optional[float] = ..., probabilities: _Optional[_Union[PolarityProbabilities, _Mapping]] = ...) -> None: ...

class Mention(_message.Message):
    __slots__ = ("span", "text", "type", "entity", "probability", "stance")
    SPAN_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    STANCE_FIELD_NUMBER: _ClassVar[int]
    span: Span
    text: str
    type: EntityType
    entity: int
    probability: float
    stance: Stance
    def __init__(self, span: _Optional[_Union[Span, _Mapping]] = ..., text: _Optional[str] = ..., type: _Optional[_Union[EntityType, str]] = ..., entity: _Optional[int] = ..., probability: _Optional[float] = ..., stance: _Optional[_Union[Stance, _Mapping]] = ...) -> None: ...

class EntityStance(_message.Message):
    __slots__ = ("polarity", "score", "favorable_count", "unfavorable_count")
    POLARITY_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    FAVORABLE_COUNT_FIELD_NUMBER: _ClassVar[int]
    UNFAVORABLE_COUNT_FIELD_NUMBER: _ClassVar[int]
    polarity: Polarity
    score: float
    favorable_count: int
    unfavorable_count: int
    def __init__(self, polarity: _Optional[_Union[Polarity, str]] = ..., score: _Optional[float] = ..., favorable_count: _Optional[int] = ..., unfavorable_count: _Optional[int] = ...) -> None: ...

class Entity(_message.Message):
    __slots__ = ("name", "type", "mentions", "salience", "stance")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    MENTIONS_FIELD_NUMBER: _ClassVar[int]
    SALIENCE_FIELD_NUMBER: _ClassVar[int]
    STANCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: EntityType
    mentions: _containers.RepeatedScalarFieldContainer[int]
    salience: float
    stance: EntityStance
    def __init__(self, name: _Optional[str] = ..., type: _Optional[_Union[EntityType, str]] = ..., mentions: _Optional[_Iterable[int]] = ..., salience: _Optional[float] = ..., stance: _Optional[_Union[EntityStance, _Mapping]] = ...) -> None: ...

class StanceRelation(_message.Message):
    __slots__ = ("target", "holder_kind", "holder", "polarity", "probability", "holder_probability", "evidence")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    HOLDER_KIND_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    POLARITY_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    HOLDER_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    target: int
    holder_kind: HolderKind
    holder: int
    polarity: Polarity
    probability: float
    holder_probability: float
    evidence: Span
    def __init__(self, target: _Optional[int] = ..., holder_kind: _Optional[_Union[HolderKind, str]] = ..., holder: _Optional[int] = ..., polarity: _Optional[_Union[Polarity, str]] = ..., probability: _Optional[float] = ..., holder_probability: _Optional[float] = ..., evidence: _Optional[_Union[Span, _Mapping]] = ...) -> None: ...

class Quote(_message.Message):
    __slots__ = ("span", "speaker_kind", "speaker")
    SPAN_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_KIND_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_FIELD_NUMBER: _ClassVar[int]
    span: Span
    speaker_kind: SpeakerKind
    speaker: int
    def __init__(self, span: _Optional[_Union[Span, _Mapping]] = ..., speaker_kind: _Optional[_Union[SpeakerKind, str]] = ..., speaker: _Optional[int] = ...) -> None: ...

class TargetSpan(_message.Message):
    __slots__ = ("span", "text", "sentence", "mention", "stance")
    SPAN_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    MENTION_FIELD_NUMBER: _ClassVar[int]
    STANCE_FIELD_NUMBER: _ClassVar[int]
    span: Span
    text: str
    sentence: Span
    mention: int
    stance: Stance
    def __init__(self, span: _Optional[_Union[Span, _Mapping]] = ..., text: _Optional[str] = ..., sentence: _Optional[_Union[Span, _Mapping]] = ..., mention: _Optional[int] = ..., stance: _Optional[_Union[Stance, _Mapping]] = ...) -> None: ...

class TargetStance(_message.Message):
    __slots__ = ("span", "holder_kind", "holder", "polarity", "probability", "holder_probability", "evidence")
    SPAN_FIELD_NUMBER: _ClassVar[int]
    HOLDER_KIND_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    POLARITY_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    HOLDER_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    span: int
    holder_kind: HolderKind
    holder: int
    polarity: Polarity
    probability: float
    holder_probability: float
    evidence: Span
    def __init__(self, span: _Optional[int] = ..., holder_kind: _Optional[_Union[HolderKind, str]] = ..., holder: _Optional[int] = ..., polarity: _Optional[_Union[Polarity, str]] = ..., probability: _Optional[float] = ..., holder_probability: _Optional[float] = ..., evidence: _Optional[_Union[Span, _Mapping]] = ...) -> None: ...

class Prominence(_message.Message):
    __slots__ = ("in_headline", "in_first_paragraph", "share")
    IN_HEADLINE_FIELD_NUMBER: _ClassVar[int]
    IN_FIRST_PARAGRAPH_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    in_headline: bool
    in_first_paragraph: bool
    share: float
    def __init__(self, in_headline: bool = ..., in_first_paragraph: bool = ..., share: _Optional[float] = ...) -> None: ...

class TargetAnswer(_message.Message):
    __slots__ = ("id", "spans", "stance", "stances", "quotes_of", "quotes_about", "prominence", "entities")
    ID_FIELD_NUMBER: _ClassVar[int]
    SPANS_FIELD_NUMBER: _ClassVar[int]
    STANCE_FIELD_NUMBER: _ClassVar[int]
    STANCES_FIELD_NUMBER: _ClassVar[int]
    QUOTES_OF_FIELD_NUMBER: _ClassVar[int]
    QUOTES_ABOUT_FIELD_NUMBER: _ClassVar[int]
    PROMINENCE_FIELD_NUMBER: _ClassVar[int]
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    id: str
    spans: _containers.RepeatedCompositeFieldContainer[TargetSpan]
    stance: EntityStance
    stances: _containers.RepeatedCompositeFieldContainer[TargetStance]
    quotes_of: _containers.RepeatedScalarFieldContainer[int]
    quotes_about: _containers.RepeatedScalarFieldContainer[int]
    prominence: Prominence
    entities: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, id: _Optional[str] = ..., spans: _Optional[_Iterable[_Union[TargetSpan, _Mapping]]] = ..., stance: _Optional[_Union[EntityStance, _Mapping]] = ..., stances: _Optional[_Iterable[_Union[TargetStance, _Mapping]]] = ..., quotes_of: _Optional[_Iterable[int]] = ..., quotes_about: _Optional[_Iterable[int]] = ..., prominence: _Optional[_Union[Prominence, _Mapping]] = ..., entities: _Optional[_Iterable[int]] = ...) -> None: ...

class Sentiment(_message.Message):
    __slots__ = ("polarity", "score", "probabilities")
    POLARITY_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    polarity: Polarity
    score: float
    probabilities: PolarityProbabilities
    def __init__(self, polarity: _Optional[_Union[Polarity, str]] = ..., score: _Optional[float] = ..., probabilities: _Optional[_Union[PolarityProbabilities, _Mapping]] = ...) -> None: ...

class Sentence(_message.Message):
    __slots__ = ("span", "sentiment")
    SPAN_FIELD_NUMBER: _ClassVar[int]
    SENTIMENT_FIELD_NUMBER: _ClassVar[int]
    span: Span
    sentiment: Sentiment
    def __init__(self, span: _Optional[_Union[Span, _Mapping]] = ..., sentiment: _Optional[_Union[Sentiment, _Mapping]] = ...) -> None: ...

class Coverage(_message.Message):
    __slots__ = ("bytes_read", "bytes_total", "windows", "truncated")
    BYTES_READ_FIELD_NUMBER: _ClassVar[int]
    BYTES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    bytes_read: int
    bytes_total: int
    windows: int
    truncated: bool
    def __init__(self, bytes_read: _Optional[int] = ..., bytes_total: _Optional[int] = ..., windows: _Optional[int] = ..., truncated: bool = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("name", "version", "fingerprint")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    fingerprint: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., fingerprint: _Optional[str] = ...) -> None: ...

class TaggedDocument(_message.Message):
    __slots__ = ("id", "language", "language_probability", "mentions", "entities", "stances", "quotes", "sentences", "sentiment", "coverage", "model", "near_duplicate_key", "targets")
    ID_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    MENTIONS_FIELD_NUMBER: _ClassVar[int]
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    STANCES_FIELD_NUMBER: _ClassVar[int]
    QUOTES_FIELD_NUMBER: _ClassVar[int]
    SENTENCES_FIELD_NUMBER: _ClassVar[int]
    SENTIMENT_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    NEAR_DUPLICATE_KEY_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    id: str
    language: str
    language_probability: float
    mentions: _containers.RepeatedCompositeFieldContainer[Mention]
    entities: _containers.RepeatedCompositeFieldContainer[Entity]
    stances: _containers.RepeatedCompositeFieldContainer[StanceRelation]
    quotes: _containers.RepeatedCompositeFieldContainer[Quote]
    sentences: _containers.RepeatedCompositeFieldContainer[Sentence]
    sentiment: Sentiment
    coverage: Coverage
    model: Model
    near_duplicate_key: int
    targets: _containers.RepeatedCompositeFieldContainer[TargetAnswer]
    def __init__(self, id: _Optional[str] = ..., language: _Optional[str] = ..., language_probability: _Optional[float] = ..., mentions: _Optional[_Iterable[_Union[Mention, _Mapping]]] = ..., entities: _Optional[_Iterable[_Union[Entity, _Mapping]]] = ..., stances: _Optional[_Iterable[_Union[StanceRelation, _Mapping]]] = ..., quotes: _Optional[_Iterable[_Union[Quote, _Mapping]]] = ..., sentences: _Optional[_Iterable[_Union[Sentence, _Mapping]]] = ..., sentiment: _Optional[_Union[Sentiment, _Mapping]] = ..., coverage: _Optional[_Union[Coverage, _Mapping]] = ..., model: _Optional[_Union[Model, _Mapping]] = ..., near_duplicate_key: _Optional[int] = ..., targets: _Optional[_Iterable[_Union[TargetAnswer, _Mapping]]] = ...) -> None: ...
