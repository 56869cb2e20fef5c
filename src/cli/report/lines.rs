//! What a report takes from a line that `tagwerk tag` wrote.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    cli::{
        input::{Problem, not_json},
        offsets::Slices,
    },
    proto::tagwerk::v1::{EntityType, HolderKind, OffsetUnit, Polarity, Span},
    report::{Date, Holder, Leaning, Position, Reading, Sighting, Target},
};

/// Fields that may hold the day of a document, where none is named.
const DATE_FIELDS: [&str; 6] = [
    "date",
    "published",
    "published_at",
    "publishedAt",
    "pubDate",
    "datum",
];
/// Fields that may hold the medium, where none is named.
const SOURCE_FIELDS: [&str; 5] = ["source", "medium", "media", "outlet", "publisher"];
/// Lines at the top of a text among which its date is looked for.
const HEADER_LINES: usize = 5;

/// Where date and medium stand, and which names are one target.
#[derive(Debug, Default)]
pub struct Wanted {
    /// The field of the date.
    pub date: Option<String>,
    /// The field of the medium.
    pub source: Option<String>,
    /// Names in small letters, each with the target it stands for; where there is none, every entity counts.
    pub names: HashMap<String, String>,
    /// All targets that are looked for, in their order.
    pub targets: Vec<String>,
}

/// A line of a report's input.
#[derive(Debug, PartialEq)]
pub enum Line {
    /// A tagged document.
    Tagged(Box<Reading>),
    /// A document that could not be tagged.
    Failed,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Tagged {
    id: String,
    error: Option<String>,
    text: Option<String>,
    offset_unit: Option<String>,
    input: Map<String, Value>,
    mentions: Vec<Mention>,
    entities: Vec<Entity>,
    stances: Vec<Stance>,
    targets: Vec<Watched>,
    /// Every answer names its model; a line without is none.
    model: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(default)]
struct Bounds {
    start: u32,
    end: u32,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Mention {
    span: Bounds,
    text: String,
    entity: Option<usize>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entity {
    name: String,
    r#type: String,
    mentions: Vec<usize>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Stance {
    target: usize,
    holder_kind: String,
    holder: Option<usize>,
    polarity: String,
    probability: f32,
    evidence: Option<Bounds>,
}

/// The answer for one target of a watchlist.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Watched {
    id: String,
    spans: Vec<serde::de::IgnoredAny>,
    stances: Vec<Stance>,
}

impl From<Bounds> for Span {
    fn from(bounds: Bounds) -> Self {
        Self {
            start: bounds.start,
            end: bounds.end,
        }
    }
}

/// Reads a line.
///
/// # Errors
/// [`Problem`] where it is not what `tagwerk tag` writes.
pub fn read(line: &[u8], wanted: &Wanted) -> Result<Line, Problem> {
    let tagged: Tagged = serde_json::from_slice(line).map_err(|error| not_json(&error))?;
    if tagged.error.is_some() {
        return Ok(Line::Failed);
    }
    if tagged.model.is_none() {
        return Err(Problem::NotJson(
            "this is no answer of `tagwerk tag`: \"model\" is missing".to_owned(),
        ));
    }
    let said = Said::of(&tagged);
    let positions = said.positions();
    let sightings = match (tagged.targets.is_empty(), wanted.targets.is_empty()) {
        (_, false) => named(&tagged, &positions, wanted),
        (false, true) => said.watched(),
        (true, true) => entities(&tagged, &positions),
    };
    Ok(Line::Tagged(Box::new(Reading {
        date: date(&tagged, wanted.date.as_deref()),
        source: source(&tagged, wanted.source.as_deref()),
        id: tagged.id,
        sightings,
    })))
}

/// What a document says, and its text where the line holds it.
struct Said<'a> {
    tagged: &'a Tagged,
    slices: Option<Slices<'a>>,
}

impl<'a> Said<'a> {
    fn of(tagged: &'a Tagged) -> Self {
        let unit = tagged
            .offset_unit
            .as_deref()
            .and_then(OffsetUnit::from_str_name);
        let text = tagged.text.as_deref();
        let slices = text.map(|text| Slices::new(text, unit.unwrap_or(OffsetUnit::CodePoint)));
        Self { tagged, slices }
    }

    /// The stances that are not neutral, each with the mention it is about.
    fn positions(&self) -> Vec<(usize, Position)> {
        let position = |stance: &Stance| Some((stance.target, self.position(stance)?));
        self.tagged.stances.iter().filter_map(position).collect()
    }

    /// The targets of a watchlist that the document was tagged with.
    fn watched(&self) -> Vec<Sighting> {
        let sighting = |target: &Watched| Sighting {
            target: Target {
                name: target.id.clone(),
                kind: None,
            },
            mentions: u32::try_from(target.spans.len()).unwrap_or(u32::MAX),
            stances: target
                .stances
                .iter()
                .filter_map(|stance| self.position(stance))
                .collect(),
        };
        self.tagged.targets.iter().map(sighting).collect()
    }

    fn position(&self, stance: &Stance) -> Option<Position> {
        let leaning = match Polarity::from_str_name(&stance.polarity)? {
            Polarity::Favorable => Leaning::Favorable,
            Polarity::Unfavorable => Leaning::Unfavorable,
            Polarity::Neutral | Polarity::Unspecified => return None,
        };
        let holder = match HolderKind::from_str_name(&stance.holder_kind) {
            Some(HolderKind::Author) => Holder::Author,
            Some(HolderKind::Mention) => match stance.holder.and_then(|at| name(self.tagged, at)) {
                Some(name) => Holder::Named(name.to_owned()),
                None => Holder::Unnamed,
            },
            _ => Holder::Unnamed,
        };
        let evidence = stance
            .evidence
            .and_then(|span| self.slices.as_ref()?.get(span.into()));
        Some(Position {
            leaning,
            holder,
            probability: stance.probability,
            evidence: evidence.map(str::to_owned),
        })
    }
}

/// The name of what a mention names.
fn name(tagged: &Tagged, mention: usize) -> Option<&str> {
    let mention = tagged.mentions.get(mention)?;
    let entity = mention
        .entity
        .and_then(|entity| tagged.entities.get(entity));
    Some(entity.map_or(&mention.text, |entity| &entity.name))
}

/// The stances whose mention is one of those asked for.
fn about(positions: &[(usize, Position)], is_asked: impl Fn(usize) -> bool) -> Vec<Position> {
    let about = positions.iter().filter(|(mention, _)| is_asked(*mention));
    about.map(|(_, position)| position.clone()).collect()
}

/// The targets that the report was given, by the names of entities and of their mentions.
fn named(tagged: &Tagged, positions: &[(usize, Position)], wanted: &Wanted) -> Vec<Sighting> {
    let mut mentions: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, mention) in tagged.mentions.iter().enumerate() {
        let target = |name: &str| wanted.names.get(&name.trim().to_lowercase());
        let entity = mention
            .entity
            .and_then(|entity| tagged.entities.get(entity));
        let by_entity = entity.and_then(|entity| target(&entity.name));
        if let Some(target) = by_entity.or_else(|| target(&mention.text)) {
            mentions.entry(target.as_str()).or_default().push(index);
        }
    }
    let sighting = |name: &String| {
        let own = mentions
            .get(name.as_str())
            .map(Vec::as_slice)
            .unwrap_or_default();
        Sighting {
            target: Target {
                name: name.clone(),
                kind: None,
            },
            mentions: u32::try_from(own.len()).unwrap_or(u32::MAX),
            stances: about(positions, |mention| own.contains(&mention)),
        }
    };
    wanted.targets.iter().map(sighting).collect()
}

/// All entities. Two of one name and type are one target.
fn entities(tagged: &Tagged, positions: &[(usize, Position)]) -> Vec<Sighting> {
    let mut sightings: Vec<Sighting> = Vec::new();
    let mut known: HashMap<(String, i32), usize> = HashMap::new();
    let mut by_entity: HashMap<usize, Vec<Position>> = HashMap::new();
    for (mention, position) in positions {
        let entity = tagged
            .mentions
            .get(*mention)
            .and_then(|mention| mention.entity);
        if let Some(entity) = entity {
            by_entity.entry(entity).or_default().push(position.clone());
        }
    }
    for (index, entity) in tagged.entities.iter().enumerate() {
        let kind = EntityType::from_str_name(&entity.r#type).unwrap_or(EntityType::Miscellaneous);
        let key = (entity.name.to_lowercase(), kind.into());
        let place = *known.entry(key).or_insert(sightings.len());
        if place == sightings.len() {
            sightings.push(Sighting {
                target: Target {
                    name: entity.name.clone(),
                    kind: Some(kind),
                },
                mentions: 0,
                stances: Vec::new(),
            });
        }
        if let Some(sighting) = sightings.get_mut(place) {
            let count = u32::try_from(entity.mentions.len()).unwrap_or(u32::MAX);
            sighting.mentions = sighting.mentions.saturating_add(count);
            sighting
                .stances
                .extend(by_entity.remove(&index).unwrap_or_default());
        }
    }
    sightings
}

/// The day of a document: a field of its input, or a line `date 2025-09-17` at the top of its text.
fn date(tagged: &Tagged, field: Option<&str>) -> Option<Date> {
    let of = |name: &str| match tagged.input.get(name)? {
        Value::String(text) => Date::leading(text),
        Value::Number(number) => Date::leading(&number.to_string()),
        _ => None,
    };
    let in_field = match field {
        Some(name) => of(name),
        None => DATE_FIELDS.into_iter().find_map(of),
    };
    in_field.or_else(|| {
        let mut lines = tagged.text.as_deref()?.lines().take(HEADER_LINES);
        lines.find_map(|line| {
            let (word, rest) = line.trim().split_once([' ', ':', '\t'])?;
            let is_date = word.eq_ignore_ascii_case("date") || word.eq_ignore_ascii_case("datum");
            is_date.then(|| Date::leading(rest.trim_start_matches([':', ' '])))?
        })
    })
}

fn source(tagged: &Tagged, field: Option<&str>) -> Option<String> {
    let of = |name: &str| match tagged.input.get(name)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        _ => None,
    };
    match field {
        Some(name) => of(name),
        None => SOURCE_FIELDS.into_iter().find_map(of),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// "Brandt lobt Vela, der Autor tadelt Vela." about two companies, with and without a watchlist.
    fn line(extra: Value) -> Vec<u8> {
        let mut line = json!({
            "id": "a",
            "text": "date 2025-09-17\n😀 Brandt lobt Vela. Schlecht ist VELA.",
            "offsetUnit": "OFFSET_UNIT_UTF16_CODE_UNIT",
            "model": {"name": "base"},
            "mentions": [
                {"span": {"start": 19, "end": 25}, "text": "Brandt", "entity": 1},
                {"span": {"start": 31, "end": 35}, "text": "Vela", "entity": 0},
                {"span": {"start": 50, "end": 54}, "text": "VELA", "entity": 0}
            ],
            "entities": [
                {"name": "Vela AG", "type": "ENTITY_TYPE_ORGANIZATION", "mentions": [1, 2]},
                {"name": "Nora Brandt", "type": "ENTITY_TYPE_PERSON", "mentions": [0]}
            ],
            "stances": [
                {"target": 1, "holderKind": "HOLDER_KIND_MENTION", "holder": 0, "polarity": "POLARITY_FAVORABLE",
                 "probability": 0.8, "evidence": {"start": 19, "end": 36}},
                {"target": 2, "holderKind": "HOLDER_KIND_AUTHOR", "polarity": "POLARITY_UNFAVORABLE",
                 "probability": 0.7, "evidence": {"start": 37, "end": 55}}
            ]
        });
        for (key, value) in extra.as_object().unwrap() {
            line[key] = value.clone();
        }
        line.to_string().into_bytes()
    }

    fn reading(extra: Value, wanted: &Wanted) -> Reading {
        match read(&line(extra), wanted).unwrap() {
            Line::Tagged(reading) => *reading,
            Line::Failed => panic!("failed"),
        }
    }

    /// `NAME MENTIONS: SIGN HOLDER EVIDENCE, …`
    fn shown(reading: &Reading) -> Vec<String> {
        let sightings = reading.sightings.iter();
        sightings
            .map(|sighting| {
                let stances: Vec<String> = sighting
                    .stances
                    .iter()
                    .map(|position| {
                        let sign = match position.leaning {
                            Leaning::Favorable => '+',
                            Leaning::Unfavorable => '-',
                        };
                        let evidence = position.evidence.as_deref().unwrap_or("?");
                        format!("{sign} {:?} {evidence}", position.holder)
                    })
                    .collect();
                format!(
                    "{} {}: {}",
                    sighting.target.name,
                    sighting.mentions,
                    stances.join(", ")
                )
            })
            .collect()
    }

    const BOTH: &str = "2: + Named(\"Nora Brandt\") Brandt lobt Vela., - Author Schlecht ist VELA.";

    #[test]
    fn entities_are_the_targets_where_there_is_no_watchlist() {
        let reading = reading(json!({}), &Wanted::default());
        assert_eq!(
            shown(&reading),
            [format!("Vela AG {BOTH}"), "Nora Brandt 1: ".to_owned()]
        );
        assert_eq!(
            reading.sightings[0].target.kind,
            Some(EntityType::Organization)
        );
    }

    #[test]
    fn targets_of_a_watchlist_take_their_place() {
        let targets = json!({"targets": [
            {"id": "vela", "spans": [{"span": {"start": 31, "end": 35}, "text": "Vela", "mention": 1}], "stances": [
                {"span": 0, "holderKind": "HOLDER_KIND_MENTION", "holder": 0, "polarity": "POLARITY_FAVORABLE",
                 "probability": 0.8, "evidence": {"start": 19, "end": 36}}
            ]},
            {"id": "ostwind"}
        ]});
        let reading = reading(targets, &Wanted::default());
        let expected = [
            "vela 1: + Named(\"Nora Brandt\") Brandt lobt Vela.",
            "ostwind 0: ",
        ];
        assert_eq!(shown(&reading), expected);
    }

    #[test]
    fn targets_of_the_report_are_found_by_entity_and_by_mention() {
        for name in ["vela ag", "vela"] {
            let wanted = Wanted {
                names: HashMap::from([(name.to_owned(), "Vela".to_owned())]),
                targets: vec!["Vela".to_owned(), "Ostwind".to_owned()],
                ..Wanted::default()
            };
            let reading = reading(json!({}), &wanted);
            assert_eq!(
                shown(&reading),
                [format!("Vela {BOTH}"), "Ostwind 0: ".to_owned()],
                "{name}"
            );
        }
    }

    #[test]
    fn without_the_text_there_is_no_evidence() {
        let reading = reading(json!({"text": null}), &Wanted::default());
        assert!(shown(&reading)[0].ends_with("- Author ?"), "{reading:?}");
    }

    #[test]
    fn day_and_medium_come_from_the_input_or_the_head_of_the_text() {
        let wanted = Wanted {
            date: Some("when".to_owned()),
            source: Some("paper".to_owned()),
            ..Wanted::default()
        };
        for (input, wanted, date, source) in [
            (json!({}), &Wanted::default(), "2025-09-17", None),
            (
                json!({"date": "2025-09-18T10:00:00Z", "source": " Bote "}),
                &Wanted::default(),
                "2025-09-18",
                Some("Bote"),
            ),
            (
                json!({"published": 20250919, "medium": "Kurier"}),
                &Wanted::default(),
                "2025-09-19",
                Some("Kurier"),
            ),
            (
                json!({"date": "2025-09-18", "when": "20.09.2025", "paper": "Bote"}),
                &wanted,
                "2025-09-20",
                Some("Bote"),
            ),
        ] {
            let reading = reading(json!({"input": input}), wanted);
            assert_eq!(
                reading.date.map(|date| date.to_string()).as_deref(),
                Some(date)
            );
            assert_eq!(reading.source.as_deref(), source);
        }
    }

    #[test]
    fn what_is_no_answer_is_refused_and_what_failed_is_told_apart() {
        let wanted = Wanted::default();
        assert_eq!(
            read(b"{\"id\":\"a\",\"error\":\"empty\"}", &wanted).unwrap(),
            Line::Failed
        );
        for (line, told) in [
            (
                &b"{\"id\":\"a\",\"text\":\"b\"}"[..],
                "\"model\" is missing",
            ),
            (b"[1]", "no JSON document"),
            (b"{\"id\":1}", "expected a string at column 7"),
        ] {
            let error = read(line, &wanted).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn indices_that_point_nowhere_are_passed_over() {
        let extra = json!({
            "mentions": [{"entity": 9}],
            "stances": [
                {"target": 7, "polarity": "POLARITY_FAVORABLE"},
                {"polarity": "POLARITY_FAVORABLE", "holderKind": "HOLDER_KIND_MENTION", "holder": 5,
                 "evidence": {"start": 90, "end": 3}}
            ]
        });
        let reading = reading(extra, &Wanted::default());
        assert_eq!(reading.sightings.len(), 2);
    }
}
