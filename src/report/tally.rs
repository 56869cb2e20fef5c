//! Counts readings, one after the other, in bounded memory.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

use super::{
    Counts, Date, Evidence, Holder, Leaning, Period, Position, Reading, Report, Resonance,
    Sighting, Tallied, Target, TargetReport,
};
use crate::proto::tagwerk::v1::EntityType;

/// How a report counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How the timelines are grouped; `None` picks what gives a line that can be read.
    pub period: Option<Period>,
    /// The first day that counts.
    pub from: Option<Date>,
    /// The last day that counts.
    pub to: Option<Date>,
    /// Entities to show. Targets of a watchlist are all shown.
    pub top: usize,
    /// Entities that are remembered at once; the rarest are forgotten where there are more.
    pub memory: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            period: None,
            from: None,
            to: None,
            top: 10,
            memory: 50_000,
        }
    }
}

/// Holders and media that are remembered for each target.
const MOST_NAMES: usize = 1_000;
/// Holders and media that are shown for each target.
const SHOWN_NAMES: usize = 8;
/// Sentences that are shown for each target and polarity.
const SHOWN_EVIDENCE: usize = 3;
/// Characters of a sentence that are kept.
const EVIDENCE_CHARACTERS: usize = 400;
/// More periods than these are shown without those in which nothing was counted.
const MOST_PERIODS: usize = 400;
/// Up to so many days make a timeline of days.
const DAYS_AS_DAYS: i32 = 31;
/// Up to so many days make a timeline of weeks.
const DAYS_AS_WEEKS: i32 = 184;

/// What has been counted so far.
#[derive(Debug)]
pub struct Tally {
    settings: Settings,
    documents: u64,
    undated: u64,
    days: Option<(Date, Date)>,
    /// Targets that were looked for. There are as many as somebody wrote down.
    watched: HashMap<Target, TargetTally>,
    /// Entities, of which there may be any number.
    entities: Frequent<(String, Option<EntityType>), TargetTally>,
    entity_mentions: u64,
}

/// What has been counted for one target.
#[derive(Debug)]
struct TargetTally {
    target: Target,
    total: Resonance,
    author: Counts,
    named: Counts,
    unnamed: Counts,
    by_day: BTreeMap<Date, Resonance>,
    holders: Frequent<String, Counts>,
    sources: Frequent<String, Resonance>,
    favorable: Vec<Evidence>,
    unfavorable: Vec<Evidence>,
}

impl Tally {
    /// Nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            documents: 0,
            undated: 0,
            days: None,
            watched: HashMap::new(),
            entities: Frequent::new(settings.memory),
            entity_mentions: 0,
        }
    }

    /// Counts a document, unless its day is none of those that count. A document without a date counts only where no
    /// day is asked for.
    pub fn add(&mut self, reading: &Reading) {
        let Settings { from, to, .. } = self.settings;
        let counts = match reading.date {
            Some(date) => from.is_none_or(|from| date >= from) && to.is_none_or(|to| date <= to),
            None => from.is_none() && to.is_none(),
        };
        if !counts {
            return;
        }
        self.documents += 1;
        match reading.date {
            Some(date) => {
                let (first, last) = self.days.unwrap_or((date, date));
                self.days = Some((first.min(date), last.max(date)));
            }
            None => self.undated += 1,
        }
        for sighting in &reading.sightings {
            let tally = match sighting.target.kind {
                None => self
                    .watched
                    .entry(sighting.target.clone())
                    .or_insert_with(|| TargetTally::new(sighting.target.clone())),
                Some(_) => {
                    self.entity_mentions += u64::from(sighting.mentions);
                    // Names are one whatever their case; the first form is shown.
                    let key = (sighting.target.name.to_lowercase(), sighting.target.kind);
                    self.entities
                        .entry(key, || TargetTally::new(sighting.target.clone()))
                }
            };
            tally.add(reading, sighting);
        }
    }

    /// The tables. Where any target of a watchlist was seen, they are about those and not about entities.
    pub fn report(self) -> Report {
        let period = self.settings.period.unwrap_or_else(|| fitting(self.days));
        let periods = self.periods(period);
        let watching = !self.watched.is_empty();
        let (uncertainty, mut tallies): (u64, Vec<TargetTally>) = match watching {
            true => (0, self.watched.into_values().collect()),
            false => (self.entities.forgotten, self.entities.into_values()),
        };
        let mentions = match watching {
            true => tallies.iter().map(|tally| tally.total.mentions).sum(),
            false => self.entity_mentions,
        };
        tallies.sort_by(|a, b| {
            let by_mentions = b.total.mentions.cmp(&a.total.mentions);
            by_mentions
                .then(b.total.documents.cmp(&a.total.documents))
                .then_with(|| a.target.name.cmp(&b.target.name))
                .then_with(|| {
                    a.target
                        .kind
                        .map(i32::from)
                        .cmp(&b.target.kind.map(i32::from))
                })
        });
        let shown = match watching {
            true => tallies.len(),
            false => tallies.len().min(self.settings.top),
        };
        let left_out = (tallies.len() - shown) as u64;
        tallies.truncate(shown);
        let targets = tallies.into_iter();
        Report {
            documents: self.documents,
            undated: self.undated,
            days: self.days,
            period,
            targets: targets
                .map(|tally| tally.report(mentions, period, &periods))
                .collect(),
            periods,
            left_out,
            uncertainty,
        }
    }

    /// The first days of all periods between the first day and the last.
    fn periods(&self, period: Period) -> Vec<Date> {
        let Some((first, last)) = self.days else {
            return Vec::new();
        };
        let mut start = first.start_of(period);
        let mut periods = Vec::new();
        while start <= last && periods.len() <= MOST_PERIODS {
            periods.push(start);
            start = start.next(period);
        }
        if periods.len() <= MOST_PERIODS {
            return periods;
        }
        // A slip in one date ("1925") must not stretch every line over a century.
        let tallies = self.watched.values().chain(self.entities.values());
        let mut seen: Vec<Date> = tallies
            .flat_map(|tally| tally.by_day.keys().map(|day| day.start_of(period)))
            .collect();
        seen.sort_unstable();
        seen.dedup();
        seen
    }
}

/// The period that gives a line of some length, but not too many points.
fn fitting(days: Option<(Date, Date)>) -> Period {
    match days.map_or(0, |(first, last)| last.days_since(first)) {
        days if days < DAYS_AS_DAYS => Period::Day,
        days if days < DAYS_AS_WEEKS => Period::Week,
        _ => Period::Month,
    }
}

impl TargetTally {
    fn new(target: Target) -> Self {
        Self {
            target,
            total: Resonance::default(),
            author: Counts::default(),
            named: Counts::default(),
            unnamed: Counts::default(),
            by_day: BTreeMap::new(),
            holders: Frequent::new(MOST_NAMES),
            sources: Frequent::new(MOST_NAMES),
            favorable: Vec::new(),
            unfavorable: Vec::new(),
        }
    }

    fn add(&mut self, reading: &Reading, sighting: &Sighting) {
        if sighting.mentions == 0 {
            return;
        }
        let mut seen = Resonance {
            documents: 1,
            mentions: u64::from(sighting.mentions),
            stances: Counts::default(),
        };
        for position in &sighting.stances {
            seen.stances.add(position.leaning);
            match &position.holder {
                Holder::Author => self.author.add(position.leaning),
                Holder::Unnamed => self.unnamed.add(position.leaning),
                Holder::Named(name) => {
                    self.named.add(position.leaning);
                    let held = self.holders.entry(name.clone(), Counts::default);
                    held.add(position.leaning);
                }
            }
            self.keep(reading, position);
        }
        self.total += seen;
        if let Some(date) = reading.date {
            *self.by_day.entry(date).or_default() += seen;
        }
        if let Some(source) = &reading.source {
            *self.sources.entry(source.clone(), Resonance::default) += seen;
        }
    }

    /// Keeps the words of a stance, if it is among the most probable of its polarity.
    fn keep(&mut self, reading: &Reading, position: &Position) {
        let Some(text) = &position.evidence else {
            return;
        };
        let kept = match position.leaning {
            Leaning::Favorable => &mut self.favorable,
            Leaning::Unfavorable => &mut self.unfavorable,
        };
        let text = shortened(text);
        let last = kept.last().map(|evidence| evidence.probability);
        let full = kept.len() >= SHOWN_EVIDENCE;
        // Of equal ones the first stays, so that the order of the input decides.
        if full && last.is_some_and(|last| position.probability <= last) {
            return;
        }
        if let Some(at) = kept.iter().position(|evidence| evidence.text == text) {
            if kept
                .get(at)
                .is_some_and(|known| known.probability >= position.probability)
            {
                return;
            }
            kept.remove(at);
        }
        let place = kept.partition_point(|evidence| evidence.probability >= position.probability);
        kept.insert(
            place,
            Evidence {
                leaning: position.leaning,
                holder: position.holder.clone(),
                probability: position.probability,
                text,
                document: reading.id.clone(),
                date: reading.date,
                source: reading.source.clone(),
            },
        );
        kept.truncate(SHOWN_EVIDENCE);
    }

    fn report(self, mentions: u64, period: Period, periods: &[Date]) -> TargetReport {
        let mut timeline = vec![Resonance::default(); periods.len()];
        for (day, seen) in &self.by_day {
            let place = periods.binary_search(&day.start_of(period));
            if let Some(point) = place.ok().and_then(|place| timeline.get_mut(place)) {
                *point += *seen;
            }
        }
        let mut evidence = self.unfavorable;
        evidence.splice(0..0, self.favorable);
        let holders = self.holders.largest(SHOWN_NAMES).into_iter();
        TargetReport {
            target: self.target,
            total: self.total,
            share_of_voice: match mentions {
                0 => 0.0,
                all => self.total.mentions as f64 / all as f64,
            },
            author: self.author,
            named: self.named,
            unnamed: self.unnamed,
            timeline,
            holders: holders
                .map(|(name, stances)| Tallied { name, stances })
                .collect(),
            sources: self.sources.largest(SHOWN_NAMES),
            evidence,
        }
    }
}

/// The start of a sentence, on one line.
fn shortened(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(EVIDENCE_CHARACTERS) {
        Some((end, _)) => {
            line.truncate(end);
            line.push('…');
            line
        }
        None => line,
    }
}

/// How much something counts, when it has to be decided what is forgotten.
trait Weight {
    fn weight(&self) -> u64;
}

impl Weight for TargetTally {
    fn weight(&self) -> u64 {
        self.total.documents
    }
}

impl Weight for Counts {
    fn weight(&self) -> u64 {
        self.total()
    }
}

impl Weight for Resonance {
    fn weight(&self) -> u64 {
        self.mentions
    }
}

/// A map that forgets half of what it holds, the lightest, when it holds too much.
#[derive(Debug)]
struct Frequent<K, V> {
    held: HashMap<K, V>,
    room: usize,
    /// The most that anything may weigh more than it says, because it was forgotten before.
    forgotten: u64,
}

impl<K: Eq + Hash + Ord + Clone, V: Weight> Frequent<K, V> {
    fn new(room: usize) -> Self {
        Self {
            held: HashMap::new(),
            room: room.max(2),
            forgotten: 0,
        }
    }

    fn entry(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        if self.held.len() >= self.room && !self.held.contains_key(&key) {
            self.forget();
        }
        self.held.entry(key).or_insert_with(new)
    }

    fn forget(&mut self) {
        let mut weights: Vec<(u64, K)> = self
            .held
            .iter()
            .map(|(key, value)| (value.weight(), key.clone()))
            .collect();
        // The key decides between equals, so that a run can be repeated.
        weights.sort_unstable();
        weights.truncate(self.room / 2);
        self.forgotten += weights.last().map_or(0, |(weight, _)| *weight);
        for (_, key) in weights {
            self.held.remove(&key);
        }
    }

    fn values(&self) -> impl Iterator<Item = &V> {
        self.held.values()
    }

    fn into_values(self) -> Vec<V> {
        self.held.into_values().collect()
    }

    /// The heaviest, the heaviest first.
    fn largest(self, most: usize) -> Vec<(K, V)> {
        let mut entries: Vec<(K, V)> = self.held.into_iter().collect();
        entries.sort_by(|a, b| b.1.weight().cmp(&a.1.weight()).then_with(|| a.0.cmp(&b.0)));
        entries.truncate(most);
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<Date> {
        Date::leading(text)
    }

    fn watched(name: &str) -> Target {
        Target {
            name: name.to_owned(),
            kind: None,
        }
    }

    fn company(name: &str) -> Target {
        Target {
            name: name.to_owned(),
            kind: Some(EntityType::Organization),
        }
    }

    fn position(sign: char, holder: &str, probability: f32, evidence: &str) -> Position {
        Position {
            leaning: match sign {
                '+' => Leaning::Favorable,
                _ => Leaning::Unfavorable,
            },
            holder: match holder {
                "AUTHOR" => Holder::Author,
                "UNNAMED" => Holder::Unnamed,
                name => Holder::Named(name.to_owned()),
            },
            probability,
            evidence: (!evidence.is_empty()).then(|| evidence.to_owned()),
        }
    }

    fn reading(date: &str, source: &str, sightings: Vec<(Target, u32, Vec<Position>)>) -> Reading {
        Reading {
            id: format!("{source} {date}"),
            date: day(date),
            source: (!source.is_empty()).then(|| source.to_owned()),
            sightings: sightings
                .into_iter()
                .map(|(target, mentions, stances)| Sighting {
                    target,
                    mentions,
                    stances,
                })
                .collect(),
        }
    }

    fn report(settings: Settings, readings: &[Reading]) -> Report {
        let mut tally = Tally::new(settings);
        for reading in readings {
            tally.add(reading);
        }
        tally.report()
    }

    /// Two papers over two weeks about two companies.
    fn fortnight() -> Vec<Reading> {
        vec![
            reading(
                "2025-09-08",
                "Kurier",
                vec![
                    (
                        watched("Vela AG"),
                        4,
                        vec![
                            position('-', "AUTHOR", 0.9, "Vela hat versagt."),
                            position('-', "Nora Brandt", 0.8, "Brandt wirft Vela Wortbruch vor."),
                        ],
                    ),
                    (watched("Ostwind"), 1, vec![]),
                ],
            ),
            reading(
                "2025-09-10",
                "Bote",
                vec![
                    (
                        watched("Vela AG"),
                        2,
                        vec![position('+', "Nora Brandt", 0.7, "Brandt lobt Vela.")],
                    ),
                    (watched("Ostwind"), 0, vec![]),
                ],
            ),
            reading(
                "2025-09-17",
                "Kurier",
                vec![
                    (
                        watched("Vela AG"),
                        2,
                        vec![position('+', "UNNAMED", 0.6, "Kritiker loben Vela.")],
                    ),
                    (
                        watched("Ostwind"),
                        1,
                        vec![position('+', "AUTHOR", 0.95, "Ostwind glänzt.")],
                    ),
                ],
            ),
        ]
    }

    #[test]
    fn mentions_documents_and_stances_are_counted_for_each_target() {
        let report = report(Settings::default(), &fortnight());
        assert_eq!(report.documents, 3);
        let [vela, ostwind] = report.targets.try_into().unwrap();
        assert_eq!(vela.target.name, "Vela AG");
        let counts = |favorable, unfavorable| Counts {
            favorable,
            unfavorable,
        };
        let total = |documents, mentions, stances| Resonance {
            documents,
            mentions,
            stances,
        };
        assert_eq!(vela.total, total(3, 8, counts(2, 2)));
        assert_eq!(ostwind.total, total(2, 2, counts(1, 0)));
        assert_eq!(vela.author, counts(0, 1));
        assert_eq!(vela.named, counts(1, 1));
        assert_eq!(vela.unnamed, counts(1, 0));
        assert_eq!((vela.share_of_voice, ostwind.share_of_voice), (0.8, 0.2));
        assert_eq!(vela.total.stances.balance(), Some(0.0));
        assert_eq!(ostwind.total.stances.balance(), Some(1.0));
        assert_eq!(counts(0, 0).balance(), None);
        assert_eq!(
            vela.holders,
            [Tallied {
                name: "Nora Brandt".to_owned(),
                stances: counts(1, 1),
            }]
        );
        assert_eq!(
            vela.sources,
            [
                ("Kurier".to_owned(), total(2, 6, counts(1, 2))),
                ("Bote".to_owned(), total(1, 2, counts(1, 0))),
            ]
        );
    }

    #[test]
    fn a_timeline_has_a_point_for_each_period_and_compares_the_last_two() {
        for (period, periods, mentions, change) in [
            (
                Some(Period::Week),
                vec!["2025-09-08", "2025-09-15"],
                vec![6, 2],
                Some((2, 6)),
            ),
            (Some(Period::Month), vec!["2025-09-01"], vec![8], None),
            (
                None,
                vec![
                    "2025-09-08",
                    "2025-09-09",
                    "2025-09-10",
                    "2025-09-11",
                    "2025-09-12",
                    "2025-09-13",
                    "2025-09-14",
                    "2025-09-15",
                    "2025-09-16",
                    "2025-09-17",
                ],
                vec![4, 0, 2, 0, 0, 0, 0, 0, 0, 2],
                Some((2, 0)),
            ),
        ] {
            let settings = Settings {
                period,
                ..Settings::default()
            };
            let report = report(settings, &fortnight());
            let begins: Vec<String> = report.periods.iter().map(Date::to_string).collect();
            assert_eq!(begins, periods, "{period:?}");
            let vela = &report.targets[0];
            let counted: Vec<u64> = vela.timeline.iter().map(|point| point.mentions).collect();
            assert_eq!(counted, mentions, "{period:?}");
            let changed = vela
                .change()
                .map(|(last, before)| (last.mentions, before.mentions));
            assert_eq!(changed, change, "{period:?}");
        }
    }

    #[test]
    fn only_days_that_are_asked_for_count() {
        let mut readings = fortnight();
        readings.push(reading("", "Bote", vec![(watched("Vela AG"), 9, vec![])]));
        for (from, to, documents, mentions, undated) in [
            ("", "", 4, 17, 1),
            ("2025-09-10", "", 2, 4, 0),
            ("2025-09-08", "2025-09-10", 2, 6, 0),
            ("", "2025-09-08", 1, 4, 0),
        ] {
            let settings = Settings {
                from: day(from),
                to: day(to),
                ..Settings::default()
            };
            let report = report(settings, &readings);
            let vela = &report.targets[0];
            let counted = (report.documents, vela.total.mentions, report.undated);
            assert_eq!(counted, (documents, mentions, undated), "{from} to {to}");
        }
    }

    #[test]
    fn the_most_probable_stances_are_the_evidence_each_sentence_once() {
        let stances = [
            position('-', "AUTHOR", 0.5, "Eins."),
            position('-', "AUTHOR", 0.9, "Zwei."),
            position('-', "AUTHOR", 0.7, "Drei."),
            position('-', "AUTHOR", 0.6, "Vier."),
            position('-', "AUTHOR", 0.8, "Drei."),
            position('+', "AUTHOR", 0.2, "  Fünf\n mal. "),
            position('-', "AUTHOR", 1.0, ""),
        ];
        let readings = [reading(
            "",
            "",
            vec![(watched("Vela AG"), 1, stances.to_vec())],
        )];
        let report = report(Settings::default(), &readings);
        let evidence = &report.targets[0].evidence;
        let shown: Vec<(&str, f32)> = evidence
            .iter()
            .map(|evidence| (evidence.text.as_str(), evidence.probability))
            .collect();
        assert_eq!(
            shown,
            [
                ("Fünf mal.", 0.2),
                ("Zwei.", 0.9),
                ("Drei.", 0.8),
                ("Vier.", 0.6)
            ]
        );
    }

    #[test]
    fn without_a_watchlist_entities_are_counted_whatever_their_case() {
        let readings = [
            reading(
                "",
                "",
                vec![
                    (company("Vela AG"), 2, vec![]),
                    (company("Ostwind"), 1, vec![]),
                ],
            ),
            reading("", "", vec![(company("VELA AG"), 3, vec![])]),
        ];
        let settings = Settings {
            top: 1,
            ..Settings::default()
        };
        let report = report(settings, &readings);
        assert_eq!(report.targets.len(), 1);
        assert_eq!(report.targets[0].target, company("Vela AG"));
        assert_eq!(report.targets[0].total.mentions, 5);
        assert_eq!(report.targets[0].share_of_voice, 5.0 / 6.0);
        assert_eq!((report.left_out, report.uncertainty), (1, 0));
    }

    #[test]
    fn a_watchlist_takes_the_place_of_entities() {
        let readings = [reading(
            "",
            "",
            vec![
                (company("Ostwind"), 7, vec![]),
                (watched("Vela AG"), 0, vec![]),
            ],
        )];
        let report = report(Settings::default(), &readings);
        assert_eq!(report.targets.len(), 1);
        assert_eq!(report.targets[0].target, watched("Vela AG"));
        assert_eq!(report.targets[0].total, Resonance::default());
        assert_eq!(report.targets[0].share_of_voice, 0.0);
    }

    #[test]
    fn rare_entities_are_forgotten_and_the_report_says_so() {
        let readings: Vec<Reading> = (0..100)
            .map(|number| {
                let rare = company(&format!("Firma {number}"));
                reading(
                    "",
                    "",
                    vec![(company("Vela AG"), 1, vec![]), (rare, 1, vec![])],
                )
            })
            .collect();
        let settings = Settings {
            memory: 10,
            top: 1,
            ..Settings::default()
        };
        let report = report(settings, &readings);
        assert_eq!(report.targets[0].target, company("Vela AG"));
        assert_eq!(report.targets[0].total.documents, 100);
        // All mentions count for the share, those of forgotten names too.
        assert_eq!(report.targets[0].share_of_voice, 0.5);
        assert!(report.uncertainty > 0);
    }

    #[test]
    fn one_wrong_date_does_not_stretch_the_timeline() {
        let settings = Settings {
            period: Some(Period::Day),
            ..Settings::default()
        };
        let mut readings = fortnight();
        readings.push(reading(
            "0025-09-08",
            "Bote",
            vec![(watched("Vela AG"), 1, vec![])],
        ));
        let report = report(settings, &readings);
        assert_eq!(report.periods.len(), 4);
        assert_eq!(report.targets[0].timeline.len(), 4);
    }
}
