//! How good a model is: predictions measured against gold annotation.
//!
//! [`GoldReader`] yields the texts of a file, [`Evaluation`] takes each with its [`Prediction`] in any order and keeps
//! only counts, [`Evaluation::report`] makes the figures. What each figure means is written in `docs/evaluation.md`.

mod counts;
#[cfg(test)]
mod fixtures;
mod gold;
mod holder;
mod ner;
mod polarity;
mod quotes;
mod relations;
mod report;
mod sample;

use std::collections::BTreeMap;

use crate::pipeline::document::{Distribution, EntityType, Holder, Mention, Quote, StanceRelation};
use counts::{POLARITIES, polarity_label};
use holder::{HOLDER_KINDS, KindAnswers};
use ner::TypeMatches;
use polarity::{Calibration, Confusion};
use quotes::QuoteCounts;
use relations::RelationCounts;
use sample::{Resamples, Samples};

pub use gold::{
    GoldError, GoldFault, GoldFormat, GoldMention, GoldQuote, GoldReader, GoldStance, GoldText,
    GoldType, Layers, Lines, LinesError,
};
pub use report::{
    ClassFigures, Figures, HolderFigures, MatchFigures, NerFigures, PolarityFigures, QuoteFigures,
    RelationFigures, Report, ShareFigures,
};
pub use sample::Estimate;

/// What a model says about one gold text. A task that it does not do is absent and goes unmeasured.
#[derive(Debug, Clone, Default)]
pub struct Prediction {
    /// The mentions that the model found by itself.
    pub mentions: Option<Vec<Mention>>,
    /// The stances toward these mentions; indices are those of `mentions`.
    pub stances: Option<Vec<StanceRelation>>,
    /// Quotations; speakers are indices of `mentions`.
    pub quotes: Option<Vec<Quote>>,
    /// For each gold mention, the polarity toward it. Empty where the model does not judge; a `None` among
    /// judgements is a wrong one.
    pub judgements: Vec<Option<Distribution>>,
    /// For each gold mention as a target, the possible holders with their probabilities; indices are those of
    /// the gold mentions. Empty and `None` as for `judgements`.
    pub holders: Vec<Option<Vec<(Holder, f32)>>>,
    /// The tone of the text.
    pub tone: Option<Distribution>,
}

/// How a report is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Entity types that are left out, in gold and prediction alike.
    pub ignored_types: IgnoredTypes,
    /// How often the texts are resampled for the intervals; 0 gives none.
    pub resamples: usize,
    /// What the resampling starts from.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ignored_types: IgnoredTypes::Chosen(Vec::new()),
            resamples: 1000,
            seed: 1,
        }
    }
}

/// Entity types that a report leaves out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IgnoredTypes {
    /// The caller wants so.
    Chosen(Vec<EntityType>),
    /// The gold file never marks them: see [`GoldReader::unmarked_types`].
    Unmarked(Vec<EntityType>),
}

impl IgnoredTypes {
    /// The types.
    pub fn types(&self) -> &[EntityType] {
        match self {
            Self::Chosen(types) | Self::Unmarked(types) => types,
        }
    }
}

/// The counts of all texts seen so far: some hundred bytes a text, whatever its length.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    languages: BTreeMap<String, Tally>,
}

impl Evaluation {
    /// Has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one text. The order of the texts is of no matter.
    pub fn add(&mut self, gold: &GoldText, prediction: &Prediction) {
        self.languages
            .entry(gold.language.clone())
            .or_default()
            .add(gold, prediction);
    }

    /// The figures over everything seen so far.
    pub fn report(&self, settings: &Settings) -> Report {
        let mut all = Tally::default();
        for tally in self.languages.values() {
            all.extend(tally);
        }
        let languages = self.languages.iter();
        Report {
            ignored_types: settings
                .ignored_types
                .types()
                .iter()
                .map(|&t| t.label())
                .collect(),
            ignored_as_unmarked: matches!(settings.ignored_types, IgnoredTypes::Unmarked(_)),
            resamples: settings.resamples,
            seed: settings.seed,
            overall: all.figures(settings),
            languages: languages
                .map(|(l, tally)| (l.clone(), tally.figures(settings)))
                .collect(),
        }
    }
}

/// The counts of the texts of one language.
#[derive(Debug, Clone, Default)]
struct Tally {
    texts: usize,
    ner: Samples<TypeMatches>,
    polarity: Samples<Confusion>,
    polarity_calibration: Calibration,
    holder: Samples<KindAnswers>,
    tone: Samples<Confusion>,
    tone_calibration: Calibration,
    quotes: Samples<QuoteCounts>,
    relations: Samples<RelationCounts>,
}

impl Tally {
    fn add(&mut self, gold: &GoldText, prediction: &Prediction) {
        self.texts += 1;
        let mentions = prediction.mentions.as_deref();
        if let (true, Some(mentions)) = (gold.layers.entities, mentions) {
            self.ner.push(ner::count(gold, mentions));
        }
        let mentions = mentions.unwrap_or_default();
        if let (true, Some(quotes)) = (gold.layers.quotes, &prediction.quotes) {
            self.quotes.push(quotes::count(gold, quotes, mentions));
        }
        if let (true, Some(stances)) = (gold.layers.stances, &prediction.stances) {
            self.relations
                .push(relations::count(gold, stances, mentions));
        }
        self.add_judgements(gold, &prediction.judgements);
        self.add_holders(gold, &prediction.holders);
        self.add_tone(gold, prediction.tone);
    }

    fn add_judgements(&mut self, gold: &GoldText, judgements: &[Option<Distribution>]) {
        if judgements.is_empty() {
            return;
        }
        let mut confusion = Confusion::default();
        for (polarity, judgement) in polarity::judged(gold, judgements) {
            confusion.add(polarity, judgement.map(Distribution::polarity));
            if let Some(judgement) = judgement {
                self.polarity_calibration.add(polarity, judgement);
            }
        }
        if confusion.items() > 0 {
            self.polarity.push(confusion);
        }
    }

    fn add_holders(&mut self, gold: &GoldText, holders: &[Option<Vec<(Holder, f32)>>]) {
        if !holders.is_empty() && !gold.stances.is_empty() {
            self.holder.push(holder::count(gold, holders));
        }
    }

    fn add_tone(&mut self, gold: &GoldText, tone: Option<Distribution>) {
        if let (Some(wanted), Some(tone)) = (gold.tone, tone) {
            let mut confusion = Confusion::default();
            confusion.add(wanted, Some(tone.polarity()));
            self.tone.push(confusion);
            self.tone_calibration.add(wanted, tone);
        }
    }

    fn extend(&mut self, other: &Self) {
        self.texts += other.texts;
        self.ner.extend(&other.ner);
        self.polarity.extend(&other.polarity);
        self.polarity_calibration += other.polarity_calibration;
        self.holder.extend(&other.holder);
        self.tone.extend(&other.tone);
        self.tone_calibration += other.tone_calibration;
        self.quotes.extend(&other.quotes);
        self.relations.extend(&other.relations);
    }

    fn figures(&self, settings: &Settings) -> Figures {
        Figures {
            texts: self.texts,
            ner: ner_figures(&self.ner, settings),
            polarity: polarity_figures(&self.polarity, &self.polarity_calibration, settings),
            holder: holder_figures(&self.holder, settings),
            tone: polarity_figures(&self.tone, &self.tone_calibration, settings),
            quotes: quote_figures(&self.quotes, settings),
            relations: relation_figures(&self.relations, settings),
        }
    }
}

fn ner_figures(samples: &Samples<TypeMatches>, settings: &Settings) -> Option<NerFigures> {
    let resamples = resample(samples, settings)?;
    let ignored = settings.ignored_types.types();
    let kept = EntityType::ALL
        .into_iter()
        .filter(|entity_type| !ignored.contains(entity_type));
    let of_type = |t: EntityType| {
        (
            t.label(),
            MatchFigures::new(&resamples, |counts| counts.of(t)),
        )
    };
    Some(NerFigures {
        texts: samples.len(),
        all: MatchFigures::new(&resamples, |counts| counts.without(ignored)),
        types: kept.map(of_type).collect(),
    })
}

fn polarity_figures(
    samples: &Samples<Confusion>,
    calibration: &Calibration,
    settings: &Settings,
) -> Option<PolarityFigures> {
    let resamples = resample(samples, settings)?;
    let class = |polarity| ClassFigures {
        polarity: polarity_label(polarity),
        matches: MatchFigures::new(&resamples, |confusion| confusion.class(polarity)),
    };
    Some(PolarityFigures {
        texts: samples.len(),
        judged: resamples.total.items(),
        accuracy: resamples.estimate(Confusion::accuracy),
        macro_f1: resamples.estimate(Confusion::macro_f1),
        calibration_error: calibration.error(),
        classes: POLARITIES.map(class).into(),
        confusion: resamples.total.0,
    })
}

fn holder_figures(samples: &Samples<KindAnswers>, settings: &Settings) -> Option<HolderFigures> {
    let resamples = resample(samples, settings)?;
    let of_kind = |(index, kind)| {
        let answers = |counts: &KindAnswers| counts.0.get(index).copied().unwrap_or_default();
        (kind, ShareFigures::new(&resamples, answers))
    };
    Some(HolderFigures {
        texts: samples.len(),
        all: ShareFigures::new(&resamples, KindAnswers::all),
        kinds: HOLDER_KINDS.into_iter().enumerate().map(of_kind).collect(),
    })
}

fn quote_figures(samples: &Samples<QuoteCounts>, settings: &Settings) -> Option<QuoteFigures> {
    let resamples = resample(samples, settings)?;
    Some(QuoteFigures {
        texts: samples.len(),
        spans: MatchFigures::new(&resamples, |counts| counts.spans),
        speakers: ShareFigures::new(&resamples, |counts| counts.speakers),
    })
}

fn relation_figures(
    samples: &Samples<RelationCounts>,
    settings: &Settings,
) -> Option<RelationFigures> {
    let resamples = resample(samples, settings)?;
    Some(RelationFigures {
        texts: samples.len(),
        relations: MatchFigures::new(&resamples, |counts| counts.relations),
        targets: MatchFigures::new(&resamples, |counts| counts.targets),
    })
}

fn resample<C>(samples: &Samples<C>, settings: &Settings) -> Option<Resamples<C>>
where
    C: Copy + Default + Ord + std::ops::AddAssign,
{
    (!samples.is_empty()).then(|| samples.resample(settings.resamples, settings.seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::fixtures::{self, Marked};
    use proptest::prelude::*;

    const MARKED: &str = r#"{"lang":"de","text":"Kanzlerin Ode lobt Aran. „Gut“, sagt Ode.","annotated":["entities","polarity","stances","quotes"],"entities":[{"id":1,"type":"PER","start":10,"end":13},{"id":2,"type":"LOC","start":19,"end":23},{"id":3,"type":"PER","start":37,"end":40}],"stances":[{"holder":1,"target":2,"polarity":"positive"}],"quotes":[{"speaker":3,"start":25,"end":30}]}"#;

    fn evaluated(pairs: &[(GoldText, Prediction)]) -> Report {
        let mut evaluation = Evaluation::new();
        for (gold, prediction) in pairs {
            evaluation.add(gold, prediction);
        }
        evaluation.report(&Settings {
            resamples: 50,
            ..Settings::default()
        })
    }

    #[test]
    fn a_perfect_prediction_has_100_percent_everywhere() {
        let gold = fixtures::gold(MARKED);
        let report = evaluated(&[(gold.clone(), fixtures::perfect(&gold))]);
        let whole = Some(Estimate {
            value: 100.0,
            interval: Some([100.0; 2]),
        });
        let figures = &report.overall;
        assert_eq!(figures.ner.as_ref().unwrap().all.f1, whole);
        assert_eq!(figures.polarity.as_ref().unwrap().macro_f1, whole);
        assert_eq!(figures.polarity.as_ref().unwrap().accuracy, whole);
        assert_eq!(
            figures.polarity.as_ref().unwrap().calibration_error,
            Some(0.0)
        );
        assert_eq!(figures.holder.as_ref().unwrap().all.accuracy, whole);
        assert_eq!(figures.quotes.as_ref().unwrap().spans.f1, whole);
        assert_eq!(figures.quotes.as_ref().unwrap().speakers.accuracy, whole);
        assert_eq!(figures.relations.as_ref().unwrap().relations.f1, whole);
        assert_eq!(figures.tone, None);
    }

    #[test]
    fn a_task_that_the_model_does_not_do_is_not_measured() {
        let report = evaluated(&[(fixtures::gold(MARKED), Prediction::default())]);
        let nothing = Figures {
            texts: 1,
            ner: None,
            polarity: None,
            holder: None,
            tone: None,
            quotes: None,
            relations: None,
        };
        assert_eq!(report.overall, nothing);
    }

    #[test]
    fn a_layer_that_is_not_annotated_is_not_measured() {
        let gold = fixtures::gold(
            r#"{"lang":"en","text":"Ode","annotated":["polarity"],"entities":[{"id":1,"start":0,"end":3,"polarity":"neutral"}]}"#,
        );
        let report = evaluated(&[(gold.clone(), fixtures::perfect(&gold))]);
        assert!(report.overall.polarity.is_some());
        assert_eq!(report.overall.ner, None);
        assert_eq!(report.overall.quotes, None);
        assert_eq!(report.overall.relations, None);
    }

    #[test]
    fn each_language_has_figures_of_its_own() {
        let right = fixtures::gold(MARKED);
        let wrong = fixtures::gold(&MARKED.replace("\"de\"", "\"fr\""));
        let silent = Prediction {
            mentions: Some(Vec::new()),
            ..Prediction::default()
        };
        let report = evaluated(&[(right.clone(), fixtures::perfect(&right)), (wrong, silent)]);
        let f1 = |figures: &Figures| figures.ner.as_ref().unwrap().all.f1.unwrap().value;
        assert_eq!(f1(&report.languages["de"]), 100.0);
        assert_eq!(f1(&report.languages["fr"]), 0.0);
        // 3 right of 3 predicted and 6 gold.
        assert_eq!(f1(&report.overall), 200.0 / 3.0);
    }

    #[test]
    fn an_ignored_type_counts_neither_in_gold_nor_in_prediction() {
        let gold = fixtures::gold(
            r#"{"lang":"de","text":"Ode Aran","annotated":["entities"],"entities":[{"id":1,"type":"PER","start":0,"end":3}]}"#,
        );
        let mut prediction = fixtures::perfect(&gold);
        let surplus = fixtures::mention(&gold, 4..8, EntityType::Miscellaneous);
        prediction.mentions.get_or_insert_default().push(surplus);
        let f1 = |ignored_types| {
            let mut evaluation = Evaluation::new();
            evaluation.add(&gold, &prediction);
            let report = evaluation.report(&Settings {
                ignored_types,
                ..Settings::default()
            });
            let ner = report.overall.ner.unwrap();
            (ner.all.f1.unwrap().value, ner.types.contains_key("MISC"))
        };
        let none = IgnoredTypes::Chosen(Vec::new());
        assert_eq!(f1(none), (200.0 / 3.0, true));
        let miscellaneous = IgnoredTypes::Unmarked(vec![EntityType::Miscellaneous]);
        assert_eq!(f1(miscellaneous), (100.0, false));
    }

    fn marked_texts() -> impl Strategy<Value = Vec<(Marked, Marked)>> {
        prop::collection::vec((fixtures::marked(), fixtures::marked()), 1..12)
    }

    /// Every estimate of a report.
    fn estimates(report: &Report) -> Vec<Estimate> {
        fn collect(value: &serde_json::Value, found: &mut Vec<Estimate>) {
            match value {
                serde_json::Value::Object(object) if object.contains_key("interval") => {
                    let bound = |i: usize| object["interval"][i].as_f64().unwrap();
                    let value = object["value"].as_f64().unwrap();
                    found.push(Estimate {
                        value,
                        interval: Some([bound(0), bound(1)]),
                    });
                }
                serde_json::Value::Object(object) => {
                    object.values().for_each(|value| collect(value, found));
                }
                serde_json::Value::Array(array) => {
                    array.iter().for_each(|value| collect(value, found));
                }
                _ => {}
            }
        }
        let mut found = Vec::new();
        collect(&serde_json::to_value(report).unwrap(), &mut found);
        found
    }

    proptest! {
        #[test]
        fn every_share_lies_between_0_and_100_and_in_its_interval(texts in marked_texts()) {
            let pairs: Vec<_> = texts.iter().map(|(g, p)| (g.gold(), p.prediction())).collect();
            let estimates = estimates(&evaluated(&pairs));
            prop_assert!(!estimates.is_empty());
            for estimate in estimates {
                let [low, high] = estimate.interval.unwrap();
                prop_assert!(0.0 <= low && low <= estimate.value, "{:?}", estimate);
                prop_assert!(estimate.value <= high && high <= 100.0, "{:?}", estimate);
            }
        }

        #[test]
        fn whatever_the_gold_its_own_copy_scores_100(texts in marked_texts()) {
            let known = |marked: &Marked| (marked.gold(), fixtures::perfect(&marked.gold()));
            let pairs: Vec<_> = texts.iter().map(|(g, _)| known(g)).collect();
            for estimate in estimates(&evaluated(&pairs)) {
                prop_assert_eq!(estimate.value, 100.0);
            }
        }

        #[test]
        fn the_order_of_the_texts_is_of_no_matter(texts in marked_texts()) {
            let mut pairs: Vec<_> = texts.iter().map(|(g, p)| (g.gold(), p.prediction())).collect();
            let forward = evaluated(&pairs);
            pairs.reverse();
            prop_assert_eq!(forward, evaluated(&pairs));
        }
    }
}
