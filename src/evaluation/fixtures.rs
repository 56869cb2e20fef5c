//! Gold texts and predictions for the tests of this room.

use std::ops::Range;

use proptest::prelude::*;

use super::Prediction;
use super::gold::{
    GoldFormat, GoldMention, GoldQuote, GoldReader, GoldStance, GoldText, GoldType, Layers, Lines,
};
use crate::pipeline::document::{
    Distribution, EntityType, Holder, Mention, Polarity, Quote, StanceRelation,
};
use crate::pipeline::text::{Span, Text};

/// The one text of a line of JSON.
pub fn gold(json: &str) -> GoldText {
    let mut reader = GoldReader::new(
        json.as_bytes(),
        "gold".to_owned(),
        GoldFormat::JsonLines,
        Lines::ALL,
    );
    reader.next().unwrap().unwrap()
}

/// A predicted mention at a byte range of a gold text.
pub fn mention(gold: &GoldText, range: Range<usize>, entity_type: EntityType) -> Mention {
    predicted(gold.text.span(range).unwrap(), entity_type)
}

fn predicted(span: Span, entity_type: EntityType) -> Mention {
    Mention {
        span,
        entity_type,
        probability: 0.9,
        entity: None,
        stance: None,
    }
}

/// A relation between predicted mentions.
pub fn relation(holder: Holder, target: usize, polarity: Polarity) -> StanceRelation {
    let evidence = Text::new("").unwrap().whole();
    StanceRelation {
        target,
        holder,
        polarity,
        probability: 0.9,
        holder_probability: 0.9,
        evidence,
    }
}

/// All probability on one polarity.
pub fn certain(polarity: Polarity) -> Distribution {
    let of = |other| if polarity == other { 1.0 } else { 0.0 };
    Distribution {
        favorable: of(Polarity::Favorable),
        neutral: of(Polarity::Neutral),
        unfavorable: of(Polarity::Unfavorable),
    }
}

/// The prediction of a model that knows the gold. Untyped mentions and topics are none that it names.
pub fn perfect(gold: &GoldText) -> Prediction {
    let mut indices = Vec::new();
    let mut mentions = Vec::new();
    for mention in &gold.mentions {
        indices.push(mentions.len());
        if let Some(GoldType::Entity(entity_type)) = mention.entity_type {
            mentions.push(predicted(mention.span, entity_type));
        }
    }
    let moved = |holder| match holder {
        Holder::Mention(index) => Holder::Mention(indices[index]),
        other => other,
    };
    let topic =
        |stance: &&GoldStance| gold.mentions[stance.target].entity_type != Some(GoldType::Topic);
    let related = |s: &GoldStance| relation(moved(s.holder), indices[s.target], s.polarity);
    let quoted = |q: &GoldQuote| Quote {
        span: q.span,
        speaker: moved(q.speaker),
    };
    let holder = |target| {
        let stance = gold.stances.iter().find(|stance| stance.target == target)?;
        Some(vec![(stance.holder, 1.0)])
    };
    Prediction {
        mentions: Some(mentions),
        stances: Some(gold.stances.iter().filter(topic).map(related).collect()),
        quotes: Some(gold.quotes.iter().map(quoted).collect()),
        judgements: gold
            .mentions
            .iter()
            .map(|m| m.polarity.map(certain))
            .collect(),
        holders: (0..gold.mentions.len()).map(holder).collect(),
        tone: gold.tone.map(certain),
    }
}

/// Marks on a text of twenty places of two characters: what a text and a model's reading of it share.
#[derive(Debug, Clone)]
pub struct Marked {
    /// The type at each place, if it is a mention; 4 is a topic.
    types: Vec<Option<u8>>,
    /// Holder, target and polarity of each stance, taken modulo what there is.
    stances: Vec<(usize, usize, bool)>,
    /// Place and speaker of each quotation.
    quotes: Vec<(usize, usize)>,
    tone: u8,
}

const PLACES: usize = 20;

/// Any marks.
pub fn marked() -> impl Strategy<Value = Marked> {
    let types = prop::collection::vec(prop::option::of(0u8..5), PLACES);
    let stances = prop::collection::vec((0usize..99, 0usize..99, any::<bool>()), 0..6);
    let quotes = prop::collection::vec((0..PLACES, 0usize..99), 0..4);
    (types, stances, quotes, 0u8..3).prop_map(|(types, stances, quotes, tone)| Marked {
        types,
        stances,
        quotes,
        tone,
    })
}

impl Marked {
    fn text() -> Text {
        Text::new("ä".repeat(PLACES)).unwrap()
    }

    fn span(place: usize) -> Span {
        Self::text().span(2 * place..2 * place + 2).unwrap()
    }

    fn mentions(&self) -> Vec<(Span, Option<EntityType>)> {
        let places = self.types.iter().enumerate();
        let mention = |(place, entity_type): (usize, &Option<u8>)| {
            let entity_type = EntityType::ALL.get(usize::from((*entity_type)?)).copied();
            Some((Self::span(place), entity_type))
        };
        places.filter_map(mention).collect()
    }

    /// A gold text with these marks in which everything is annotated.
    pub fn gold(&self) -> GoldText {
        let mentions: Vec<GoldMention> = self
            .mentions()
            .into_iter()
            .zip(1..)
            .map(|((span, entity_type), id)| GoldMention {
                id,
                span,
                entity_type: Some(entity_type.map_or(GoldType::Topic, GoldType::Entity)),
                polarity: polarity(self.tone + id as u8),
            })
            .collect();
        let entities: Vec<usize> = (0..mentions.len())
            .filter(|&index| mentions[index].entity_type != Some(GoldType::Topic))
            .collect();
        let stance = |&(holder, target, favorable): &(usize, usize, bool)| {
            Some(GoldStance {
                holder: pick(holder, &entities),
                target: target.checked_rem(mentions.len())?,
                polarity: sign(favorable),
            })
        };
        let quote = |&(place, speaker): &(usize, usize)| GoldQuote {
            span: Self::span(place),
            speaker: pick(speaker, &entities),
        };
        let mut quotes: Vec<GoldQuote> = self.quotes.iter().map(quote).collect();
        quotes.sort_by_key(|quote| quote.span);
        quotes.dedup_by_key(|quote| quote.span);
        GoldText {
            line: 1,
            language: ["de", "en"][usize::from(self.tone.min(1))].to_owned(),
            domain: None,
            text: Self::text(),
            layers: Layers {
                entities: true,
                polarity: true,
                stances: true,
                quotes: true,
                tone: true,
            },
            stances: self.stances.iter().filter_map(stance).collect(),
            quotes,
            tone: polarity(self.tone),
            mentions,
        }
    }

    /// These marks as a model's prediction.
    pub fn prediction(&self) -> Prediction {
        let mentions: Vec<Mention> = self
            .mentions()
            .into_iter()
            .filter_map(|(span, entity_type)| Some(predicted(span, entity_type?)))
            .collect();
        let indices: Vec<usize> = (0..mentions.len()).collect();
        let judgement = |&(confidence, _, favorable): &(usize, usize, bool)| {
            let probability = 0.4 + confidence as f32 / 200.0;
            let (neutral, rest) = (0.3 * (1.0 - probability), 0.7 * (1.0 - probability));
            let (favorable, unfavorable) = if favorable {
                (probability, rest)
            } else {
                (rest, probability)
            };
            (confidence % 7 > 0).then_some(Distribution {
                favorable,
                neutral,
                unfavorable,
            })
        };
        let stance = |&(holder, target, favorable): &(usize, usize, bool)| {
            // One target in ten leads nowhere.
            let target = if target % 10 == 0 {
                99
            } else {
                target.checked_rem(mentions.len())?
            };
            Some(relation(pick(holder, &indices), target, sign(favorable)))
        };
        let quote = |&(place, speaker): &(usize, usize)| Quote {
            span: Self::span(place),
            speaker: pick(speaker, &indices),
        };
        Prediction {
            stances: Some(self.stances.iter().filter_map(stance).collect()),
            quotes: Some(self.quotes.iter().map(quote).collect()),
            judgements: self.stances.iter().map(judgement).collect(),
            holders: self
                .stances
                .iter()
                .map(|&(holder, _, given)| given.then(|| vec![(pick(holder, &indices), 0.5)]))
                .collect(),
            tone: polarity(self.tone).map(certain),
            mentions: Some(mentions),
        }
    }
}

fn polarity(number: u8) -> Option<Polarity> {
    [
        Polarity::Favorable,
        Polarity::Neutral,
        Polarity::Unfavorable,
    ]
    .get(usize::from(number % 3))
    .copied()
}

fn sign(favorable: bool) -> Polarity {
    if favorable {
        Polarity::Favorable
    } else {
        Polarity::Unfavorable
    }
}

fn pick(number: usize, mentions: &[usize]) -> Holder {
    match number % 3 {
        0 => Holder::Author,
        1 => Holder::Unnamed,
        _ => number
            .checked_rem(mentions.len())
            .map_or(Holder::Unnamed, |index| Holder::Mention(mentions[index])),
    }
}
