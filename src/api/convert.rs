//! Between the API's messages and the domain's types.

use std::sync::Arc;

use tonic_types::FieldViolation;

use crate::{
    model::Description,
    pipeline::{
        Limits, Pipeline,
        document::{
            self, Document, Features, Holder, Judgement, Polarity, TagOptions, TaggedDocument,
            TargetAnswer, Watch,
        },
        text::{OffsetUnit, Offsets, Span, Text},
        watchlist::{Target, TargetType, Watchlist, Watchlists},
    },
    proto::tagwerk::v1,
};

/// Violations reported for one request. A hostile request could hold millions, and an error
/// travels in headers, which clients limit to a few KiB.
const MAX_VIOLATIONS: usize = 16;

/// Most targets of one request; longer lists are the server's.
const MAX_TARGETS: usize = 10_000;

/// What a request asks: the pipeline of the model that it names, its document and its options.
///
/// # Errors
/// The violated fields, at most 16 of them. Where the model is at fault, those of the model alone.
pub fn question(
    pipeline: &Pipeline,
    document: Option<v1::Document>,
    options: Option<v1::TagOptions>,
) -> Result<(&Pipeline, Document, TagOptions), Vec<FieldViolation>> {
    let chosen = chosen(pipeline, options.as_ref())?;
    let (document, options) = request(document, options, pipeline.watchlists())?;
    Ok((chosen, document, options))
}

/// The document and options of a request, or every reason why they cannot be used.
///
/// # Errors
/// The violated fields, at most 16 of them.
fn request(
    document: Option<v1::Document>,
    options: Option<v1::TagOptions>,
    watchlists: &Watchlists,
) -> Result<(Document, TagOptions), Vec<FieldViolation>> {
    let mut violations = Violations::default();
    let document = domain_document(document, &mut violations);
    let options = domain_options(options.unwrap_or_default(), watchlists, &mut violations);
    match document {
        Some(document) if violations.0.is_empty() => Ok((document, options)),
        _ => Err(violations.0),
    }
}

/// The pipeline of the model that the options name, which must have the layers that they name.
///
/// # Errors
/// The violated fields.
fn chosen<'a>(
    pipeline: &'a Pipeline,
    options: Option<&v1::TagOptions>,
) -> Result<&'a Pipeline, Vec<FieldViolation>> {
    let Some(options) = options else {
        return Ok(pipeline);
    };
    let chosen = pipeline.of_model(&options.model).map_err(|names| {
        let description = format!("is none of the models of this server: {}", names.join(", "));
        vec![FieldViolation::new("options.model", description)]
    })?;
    let layers = chosen.layers();
    let name = &chosen.description().name;
    let mut violations = Violations::default();
    for (index, &number) in options.features.iter().enumerate() {
        let lacks = match v1::Feature::try_from(number) {
            Ok(v1::Feature::Stances) => !layers.stances,
            Ok(v1::Feature::Sentiment) => !layers.sentiment,
            _ => false,
        };
        if lacks && !violations.are_enough() {
            let description = format!("is a layer that the model {name} does not have");
            violations.add(format!("options.features[{index}]"), description);
        }
    }
    match violations.0.is_empty() {
        true => Ok(chosen),
        false => Err(violations.0),
    }
}

/// The violations found so far.
#[derive(Default)]
struct Violations(Vec<FieldViolation>);

impl Violations {
    fn are_enough(&self) -> bool {
        self.0.len() >= MAX_VIOLATIONS
    }

    fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        if !self.are_enough() {
            self.0.push(FieldViolation::new(field, description));
        }
    }
}

fn domain_document(
    document: Option<v1::Document>,
    violations: &mut Violations,
) -> Option<Document> {
    let Some(v1::Document { id, text, language }) = document else {
        violations.add("document", "is required");
        return None;
    };
    let Some(text) = Text::new(text) else {
        violations.add("document.text", "is longer than 4 GiB");
        return None;
    };
    Some(Document { id, text, language })
}

fn domain_options(
    options: v1::TagOptions,
    watchlists: &Watchlists,
    violations: &mut Violations,
) -> TagOptions {
    let min_probability = options.min_probability;
    // Written so that NaN, which compares with nothing, is refused too.
    if !(0.0..=1.0).contains(&min_probability) {
        violations.add(
            "options.min_probability",
            format!("must be between 0 and 1, not {min_probability}"),
        );
    }
    TagOptions {
        offset_unit: domain_offset_unit(options.offset_unit, violations),
        features: domain_features(&options.features, violations),
        min_probability,
        watch: domain_watch(options, watchlists, violations),
    }
}

fn domain_watch(
    options: v1::TagOptions,
    watchlists: &Watchlists,
    violations: &mut Violations,
) -> Watch {
    let mut lists = Vec::new();
    let count = options.targets.len();
    if count > MAX_TARGETS {
        violations.add(
            "options.targets",
            format!("has {count} targets; at most {MAX_TARGETS} are accepted"),
        );
    } else if count > 0 {
        lists.extend(domain_targets(options.targets, watchlists, violations));
    }
    if !options.watchlist.is_empty() {
        match watchlists.get(&options.watchlist) {
            Some(list) => lists.push(list),
            None => violations.add(
                "options.watchlist",
                "is the name of no watchlist of this server; GetInfo lists them",
            ),
        }
    }
    if let [own, listed] = lists.as_slice() {
        let own = own.targets().iter().enumerate();
        for (index, _) in own.filter(|(_, target)| listed.has(&target.id)) {
            violations.add(
                format!("options.targets[{index}].id"),
                "is the id of a target of the watchlist too",
            );
        }
    }
    Watch {
        lists,
        present_only: options.present_targets_only,
    }
}

fn domain_targets(
    targets: Vec<v1::Target>,
    watchlists: &Watchlists,
    violations: &mut Violations,
) -> Option<Arc<Watchlist>> {
    let targets = targets.into_iter().enumerate().map(|(index, target)| {
        let target_type = match v1::TargetType::try_from(target.r#type) {
            Ok(v1::TargetType::Unspecified) => TargetType::Any,
            Ok(v1::TargetType::Person) => TargetType::Person,
            Ok(v1::TargetType::Organization) => TargetType::Organization,
            Ok(v1::TargetType::Location) => TargetType::Location,
            Ok(v1::TargetType::Miscellaneous) => TargetType::Miscellaneous,
            Ok(v1::TargetType::Topic) => TargetType::Topic,
            Err(_) => {
                violations.add(
                    format!("options.targets[{index}].type"),
                    format!(
                        "{} is not a TargetType of this version of the API",
                        target.r#type
                    ),
                );
                TargetType::Any
            }
        };
        Target {
            id: target.id,
            names: target.names,
            target_type,
        }
    });
    match watchlists.prepare(targets.collect()) {
        Ok(list) => Some(list),
        Err(errors) => {
            for error in errors {
                violations.add(
                    format!("options.targets{}", error.path()),
                    error.to_string(),
                );
            }
            None
        }
    }
}

/// Targets of a call in the form of the API.
pub fn targets(list: &Watchlist) -> Vec<v1::Target> {
    let targets = list.targets().iter().map(|target| {
        let target_type = match target.target_type {
            TargetType::Any => v1::TargetType::Unspecified,
            TargetType::Person => v1::TargetType::Person,
            TargetType::Organization => v1::TargetType::Organization,
            TargetType::Location => v1::TargetType::Location,
            TargetType::Miscellaneous => v1::TargetType::Miscellaneous,
            TargetType::Topic => v1::TargetType::Topic,
        };
        v1::Target {
            id: target.id.clone(),
            names: target.names.clone(),
            r#type: target_type.into(),
        }
    });
    targets.collect()
}

/// The watchlists that a call can name.
pub fn watchlist_infos(watchlists: &Watchlists) -> Vec<v1::WatchlistInfo> {
    let known = watchlists.sizes().into_iter();
    let infos = known.map(|(name, targets)| v1::WatchlistInfo {
        name,
        targets: number(targets),
    });
    infos.collect()
}

fn domain_offset_unit(number: i32, violations: &mut Violations) -> OffsetUnit {
    match v1::OffsetUnit::try_from(number) {
        Ok(v1::OffsetUnit::Unspecified | v1::OffsetUnit::CodePoint) => OffsetUnit::CodePoint,
        Ok(v1::OffsetUnit::Utf8Byte) => OffsetUnit::Utf8Byte,
        Ok(v1::OffsetUnit::Utf16CodeUnit) => OffsetUnit::Utf16CodeUnit,
        Err(_) => {
            violations.add(
                "options.offset_unit",
                format!("{number} is not an OffsetUnit of this version of the API"),
            );
            OffsetUnit::default()
        }
    }
}

fn domain_features(numbers: &[i32], violations: &mut Violations) -> Features {
    if numbers.is_empty() {
        return Features::default();
    }
    let mut features = Features::NONE;
    for (index, &number) in numbers.iter().enumerate() {
        if violations.are_enough() {
            break;
        }
        match v1::Feature::try_from(number) {
            Ok(v1::Feature::Mentions) => features.mentions = true,
            Ok(v1::Feature::Entities) => features.entities = true,
            Ok(v1::Feature::Stances) => features.stances = true,
            Ok(v1::Feature::Quotes) => features.quotes = true,
            Ok(v1::Feature::Sentences) => features.sentences = true,
            Ok(v1::Feature::Sentiment) => features.sentiment = true,
            Ok(v1::Feature::Unspecified) => violations.add(
                format!("options.features[{index}]"),
                "FEATURE_UNSPECIFIED is not a layer; name no feature at all to have them all",
            ),
            Err(_) => violations.add(
                format!("options.features[{index}]"),
                format!("{number} is not a Feature of this version of the API"),
            ),
        }
    }
    features.closed()
}

/// The answer for one document. Probabilities and scores are rounded to four decimals.
pub fn tagged_document(tagged: &TaggedDocument, model: &Description) -> v1::TaggedDocument {
    let answer = Answer {
        text: &tagged.text,
        offsets: Offsets::new(&tagged.text, tagged.offset_unit),
    };
    v1::TaggedDocument {
        id: tagged.id.clone(),
        language: tagged.language.clone(),
        language_probability: rounded(tagged.language_probability),
        mentions: tagged.mentions.iter().map(|m| answer.mention(m)).collect(),
        entities: tagged.entities.iter().map(entity).collect(),
        stances: tagged.stances.iter().map(|s| answer.stance(s)).collect(),
        quotes: tagged.quotes.iter().map(|q| answer.quote(q)).collect(),
        sentences: tagged
            .sentences
            .iter()
            .map(|s| answer.sentence(s))
            .collect(),
        sentiment: tagged.sentiment.map(sentiment),
        coverage: Some(v1::Coverage {
            bytes_read: number(tagged.coverage.bytes_read),
            bytes_total: number(tagged.coverage.bytes_total),
            windows: number(tagged.coverage.windows),
            truncated: false,
        }),
        model: Some(self::model(model)),
        near_duplicate_key: tagged.near_duplicate_key,
        targets: tagged.targets.iter().map(|t| answer.target(t)).collect(),
    }
}

/// What every part of an answer that bears a span needs.
struct Answer<'a> {
    text: &'a Text,
    offsets: Offsets<'a>,
}

impl Answer<'_> {
    fn span(&self, span: Span) -> Option<v1::Span> {
        let range = self.offsets.convert(span);
        Some(v1::Span {
            start: range.start,
            end: range.end,
        })
    }

    fn mention(&self, mention: &document::Mention) -> v1::Mention {
        v1::Mention {
            span: self.span(mention.span),
            text: self.text.slice(mention.span).to_owned(),
            r#type: entity_type(mention.entity_type).into(),
            entity: mention.entity.map(number),
            probability: rounded(mention.probability),
            stance: mention.stance.map(stance),
        }
    }

    fn target(&self, target: &TargetAnswer) -> v1::TargetAnswer {
        let indices = |indices: &[usize]| indices.iter().copied().map(number).collect();
        let prominence = (!target.spans.is_empty()).then(|| v1::Prominence {
            in_headline: target.in_headline,
            in_first_paragraph: target.in_first_paragraph,
            share: rounded(target.share),
        });
        v1::TargetAnswer {
            id: target.id.clone(),
            spans: target.spans.iter().map(|s| self.target_span(s)).collect(),
            stance: target.stance.map(entity_stance),
            stances: target
                .stances
                .iter()
                .map(|s| self.target_stance(s))
                .collect(),
            quotes_of: indices(&target.quotes_of),
            quotes_about: indices(&target.quotes_about),
            prominence,
            entities: indices(&target.entities),
        }
    }

    fn target_span(&self, place: &document::TargetSpan) -> v1::TargetSpan {
        v1::TargetSpan {
            span: self.span(place.span),
            text: self.text.slice(place.span).to_owned(),
            sentence: place.sentence.and_then(|sentence| self.span(sentence)),
            mention: place.mention.map(number),
            stance: place.stance.map(stance),
        }
    }

    fn target_stance(&self, stance: &document::TargetStance) -> v1::TargetStance {
        let (holder_kind, holder) = holder(stance.holder);
        v1::TargetStance {
            span: number(stance.span),
            holder_kind: holder_kind.into(),
            holder,
            polarity: polarity(stance.polarity).into(),
            probability: rounded(stance.probability),
            holder_probability: rounded(stance.holder_probability),
            evidence: self.span(stance.evidence),
        }
    }

    fn stance(&self, relation: &document::StanceRelation) -> v1::StanceRelation {
        let (holder_kind, holder) = holder(relation.holder);
        v1::StanceRelation {
            target: number(relation.target),
            holder_kind: holder_kind.into(),
            holder,
            polarity: polarity(relation.polarity).into(),
            probability: rounded(relation.probability),
            holder_probability: rounded(relation.holder_probability),
            evidence: self.span(relation.evidence),
        }
    }

    fn quote(&self, quote: &document::Quote) -> v1::Quote {
        let (speaker_kind, speaker) = match quote.speaker {
            Holder::Mention(index) => (v1::SpeakerKind::Mention, Some(number(index))),
            Holder::Author => (v1::SpeakerKind::Author, None),
            Holder::Unnamed | Holder::Unknown => (v1::SpeakerKind::Unnamed, None),
        };
        v1::Quote {
            span: self.span(quote.span),
            speaker_kind: speaker_kind.into(),
            speaker,
        }
    }

    fn sentence(&self, sentence: &document::Sentence) -> v1::Sentence {
        v1::Sentence {
            span: self.span(sentence.span),
            sentiment: sentence.sentiment.map(sentiment),
        }
    }
}

/// The kind of a holder, and its mention.
fn holder(holder: Holder) -> (v1::HolderKind, Option<u32>) {
    match holder {
        Holder::Mention(index) => (v1::HolderKind::Mention, Some(number(index))),
        Holder::Author => (v1::HolderKind::Author, None),
        Holder::Unnamed => (v1::HolderKind::Unnamed, None),
        Holder::Unknown => (v1::HolderKind::Unspecified, None),
    }
}

fn entity(entity: &document::Entity) -> v1::Entity {
    v1::Entity {
        name: entity.name.clone(),
        r#type: entity_type(entity.entity_type).into(),
        mentions: entity.mentions.iter().copied().map(number).collect(),
        salience: rounded(entity.salience),
        stance: entity.stance.map(entity_stance),
    }
}

fn entity_stance(stance: document::EntityStance) -> v1::EntityStance {
    v1::EntityStance {
        polarity: polarity(stance.polarity).into(),
        score: rounded(stance.score),
        favorable_count: number(stance.favorable_count),
        unfavorable_count: number(stance.unfavorable_count),
    }
}

fn stance(judgement: Judgement) -> v1::Stance {
    v1::Stance {
        polarity: polarity(judgement.polarity).into(),
        score: rounded(judgement.distribution.score()),
        probabilities: Some(probabilities(judgement)),
    }
}

fn sentiment(judgement: Judgement) -> v1::Sentiment {
    v1::Sentiment {
        polarity: polarity(judgement.polarity).into(),
        score: rounded(judgement.distribution.score()),
        probabilities: Some(probabilities(judgement)),
    }
}

fn probabilities(judgement: Judgement) -> v1::PolarityProbabilities {
    let distribution = judgement.distribution;
    v1::PolarityProbabilities {
        favorable: rounded(distribution.favorable),
        neutral: rounded(distribution.neutral),
        unfavorable: rounded(distribution.unfavorable),
    }
}

fn entity_type(entity_type: document::EntityType) -> v1::EntityType {
    match entity_type {
        document::EntityType::Person => v1::EntityType::Person,
        document::EntityType::Organization => v1::EntityType::Organization,
        document::EntityType::Location => v1::EntityType::Location,
        document::EntityType::Miscellaneous => v1::EntityType::Miscellaneous,
    }
}

fn polarity(polarity: Polarity) -> v1::Polarity {
    match polarity {
        Polarity::Favorable => v1::Polarity::Favorable,
        Polarity::Neutral => v1::Polarity::Neutral,
        Polarity::Unfavorable => v1::Polarity::Unfavorable,
    }
}

/// Name, version and fingerprint of a model package.
pub fn model(description: &Description) -> v1::Model {
    v1::Model {
        name: description.name.clone(),
        version: description.version.clone(),
        fingerprint: description.fingerprint.clone(),
    }
}

/// All that a model package says of itself.
pub fn model_info(description: &Description) -> v1::ModelInfo {
    let labels = description
        .labels
        .iter()
        .map(|(head, labels)| v1::LabelSet {
            head: head.clone(),
            labels: labels.clone(),
        });
    let figures = description.figures.iter().map(|figure| v1::Figure {
        task: figure.task.clone(),
        split: figure.split.clone(),
        metric: figure.metric.clone(),
        value: figure.value,
        count: figure.count,
    });
    v1::ModelInfo {
        model: Some(model(description)),
        license: description.license.clone(),
        languages: description.languages.clone(),
        labels: labels.collect(),
        figures: figures.collect(),
    }
}

/// What the server accepts; `max_message_bytes` is the transport's limit.
pub fn limits(limits: Limits, max_message_bytes: usize) -> v1::Limits {
    v1::Limits {
        max_document_bytes: number(limits.max_document_bytes),
        max_message_bytes: number(max_message_bytes),
        max_window_tokens: number(limits.max_window_tokens),
        queue_tokens: limits.queue_tokens as u64,
        workers: number(limits.workers),
    }
}

/// Rounds to four decimals: enough for any use, and the same text in every client.
pub(super) fn rounded(value: f32) -> f32 {
    // Adding zero turns a negative zero into a plain one.
    (value * 1e4).round() / 1e4 + 0.0
}

/// A count or index. Those of a document fit, because its text has less than 4 GiB.
fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::document::{Coverage, Distribution, EntityType, Mention};

    fn document(text: &str) -> Option<v1::Document> {
        Some(v1::Document {
            id: "d1".into(),
            text: text.into(),
            language: "de".into(),
        })
    }

    fn violated(document: Option<v1::Document>, options: v1::TagOptions) -> Vec<String> {
        let violations = request(document, Some(options), &Watchlists::default()).unwrap_err();
        violations.into_iter().map(|v| v.field).collect()
    }

    fn description() -> Description {
        Description {
            name: "news".into(),
            version: "1.0".into(),
            fingerprint: "ab12".into(),
            license: "MIT".into(),
            languages: vec!["de".into()],
            labels: vec![("ner".into(), vec!["O".into(), "B-PER".into()])],
            figures: vec![],
        }
    }

    fn tagged(source: &str, name: &str, unit: OffsetUnit) -> TaggedDocument {
        let text = Text::new(source).unwrap();
        let at = source.find(name).unwrap();
        let distribution = Distribution {
            favorable: 0.123_456,
            neutral: 0.0,
            unfavorable: 0.876_544,
        };
        TaggedDocument {
            targets: vec![],
            near_duplicate_key: 0,
            id: "d1".into(),
            offset_unit: unit,
            language: "de".into(),
            language_probability: 1.0,
            mentions: vec![Mention {
                span: text.span(at..at + name.len()).unwrap(),
                entity_type: EntityType::Person,
                probability: 0.987_654,
                entity: None,
                stance: Some(Judgement {
                    polarity: Polarity::Unfavorable,
                    distribution,
                }),
            }],
            entities: vec![],
            stances: vec![],
            quotes: vec![],
            sentences: vec![],
            sentiment: None,
            coverage: Coverage {
                bytes_read: source.len(),
                bytes_total: source.len(),
                windows: 1,
            },
            text,
            read: tokio::time::Instant::now(),
        }
    }

    #[test]
    fn a_request_without_options_asks_for_every_layer_in_code_points() {
        let (document, options) =
            request(document("Guten Tag"), None, &Watchlists::default()).unwrap();
        assert_eq!(document.text.as_str(), "Guten Tag");
        assert_eq!(options, TagOptions::default());
        assert_eq!(options.features, Features::default());
    }

    #[test]
    fn named_features_bring_the_layers_they_refer_to() {
        let options = v1::TagOptions {
            features: vec![
                v1::Feature::Quotes.into(),
                v1::Feature::Sentiment.into(),
                v1::Feature::Quotes.into(),
            ],
            ..Default::default()
        };
        let (_, options) = request(document(""), Some(options), &Watchlists::default()).unwrap();
        let expected = Features {
            mentions: true,
            quotes: true,
            sentences: true,
            sentiment: true,
            ..Features::NONE
        };
        assert_eq!(options.features, expected);
    }

    #[test]
    fn all_violations_of_a_request_are_reported_together() {
        let options = v1::TagOptions {
            offset_unit: 17,
            features: vec![1, 0, 99],
            min_probability: f32::NAN,
            ..v1::TagOptions::default()
        };
        let expected = [
            "document",
            "options.min_probability",
            "options.offset_unit",
            "options.features[1]",
            "options.features[2]",
        ];
        assert_eq!(violated(None, options), expected);
    }

    #[test]
    fn a_probability_outside_of_0_to_1_is_refused() {
        for min_probability in [-0.1, 1.1, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let options = v1::TagOptions {
                min_probability,
                ..Default::default()
            };
            assert_eq!(violated(document(""), options), ["options.min_probability"]);
        }
    }

    #[test]
    fn the_bounds_of_a_probability_are_accepted() {
        for min_probability in [0.0, -0.0, 0.5, 1.0] {
            let options = v1::TagOptions {
                min_probability,
                ..Default::default()
            };
            assert!(request(document(""), Some(options), &Watchlists::default()).is_ok());
        }
    }

    #[test]
    fn the_number_of_reported_violations_is_bounded() {
        let options = v1::TagOptions {
            features: vec![99; 100_000],
            ..Default::default()
        };
        assert_eq!(violated(document(""), options).len(), MAX_VIOLATIONS);
    }

    #[test]
    fn spans_count_in_the_unit_that_was_asked_for() {
        let source = "😀 Für Jörg Ahlers.";
        let cases = [
            (OffsetUnit::CodePoint, 6..17),
            (OffsetUnit::Utf16CodeUnit, 7..18),
            (OffsetUnit::Utf8Byte, 10..22),
        ];
        for (unit, expected) in cases {
            let answer = tagged_document(&tagged(source, "Jörg Ahlers", unit), &description());
            let mention = &answer.mentions[0];
            let span = mention.span.unwrap();
            assert_eq!(span.start..span.end, expected, "{unit:?}");
            assert_eq!(mention.text, "Jörg Ahlers");
        }
    }

    #[test]
    fn probabilities_and_scores_have_four_decimals() {
        let tagged = tagged("Jana Roth", "Jana", OffsetUnit::CodePoint);
        let answer = tagged_document(&tagged, &description());
        let mention = &answer.mentions[0];
        let stance = mention.stance.unwrap();
        assert_eq!(mention.probability, 0.9877);
        assert_eq!(stance.score, -0.7531);
        assert_eq!(stance.probabilities.unwrap().favorable, 0.1235);
        assert_eq!(stance.polarity(), v1::Polarity::Unfavorable);
    }

    #[test]
    fn a_rounded_zero_has_no_sign() {
        assert!(rounded(-0.000_01).is_sign_positive());
    }

    #[test]
    fn an_answer_names_its_model_and_what_was_read() {
        let tagged = tagged("Jana Roth", "Jana", OffsetUnit::CodePoint);
        let answer = tagged_document(&tagged, &description());
        assert_eq!(answer.model.unwrap().fingerprint, "ab12");
        let coverage = answer.coverage.unwrap();
        assert_eq!((coverage.bytes_read, coverage.bytes_total), (9, 9));
        assert!(!coverage.truncated);
    }

    #[test]
    fn an_answer_has_a_json_form() {
        let tagged = tagged("Jana Roth", "Jana", OffsetUnit::CodePoint);
        let answer = tagged_document(&tagged, &description());
        let json = serde_json::to_value(&answer).unwrap();
        assert_eq!(json["mentions"][0]["type"], "ENTITY_TYPE_PERSON");
        assert_eq!(json["mentions"][0]["text"], "Jana");
    }
}
