//! A reading as bytes, for the shared store: protobuf, since every number comes back bit by bit and other versions of
//! the program can be told apart.

use prost::Message;

use crate::model::{
    Distribution, EntityType, Reading, TypeProbabilities, WindowMention, WindowStance,
};

/// The layout below. Bytes of another one are no reading.
const VERSION: u32 = 1;

#[derive(Clone, PartialEq, Message)]
struct Stored {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(message, repeated, tag = "2")]
    mentions: Vec<Mention>,
    /// Three numbers for each sentence: favourable, neutral, unfavourable.
    #[prost(float, repeated, tag = "3")]
    tones: Vec<f32>,
    #[prost(message, repeated, tag = "4")]
    watched: Vec<Watched>,
}

/// A watched span, without a stance of its own where it meets a mention.
#[derive(Clone, PartialEq, Message)]
struct Watched {
    #[prost(message, optional, tag = "1")]
    stance: Option<Stance>,
}

#[derive(Clone, PartialEq, Message)]
struct Mention {
    #[prost(uint32, tag = "1")]
    start: u32,
    #[prost(uint32, tag = "2")]
    end: u32,
    /// Index in [`EntityType::ALL`], from 1; 0 for a given target.
    #[prost(uint32, tag = "3")]
    entity_type: u32,
    #[prost(float, tag = "4")]
    probability: f32,
    #[prost(float, repeated, tag = "5")]
    types: Vec<f32>,
    #[prost(message, optional, tag = "6")]
    stance: Option<Stance>,
}

#[derive(Clone, PartialEq, Message)]
struct Stance {
    /// Favourable, neutral, unfavourable.
    #[prost(float, repeated, tag = "1")]
    polarity: Vec<f32>,
    #[prost(float, tag = "2")]
    author: f32,
    #[prost(float, tag = "3")]
    unnamed: f32,
    #[prost(float, repeated, tag = "4")]
    mentions: Vec<f32>,
}

/// The bytes of a reading.
pub fn encode(reading: &Reading) -> Vec<u8> {
    let mentions = reading.mentions.iter().map(|mention| Mention {
        start: mention.words.start as u32,
        end: mention.words.end as u32,
        entity_type: mention.entity_type.map_or(0, number),
        probability: mention.probability,
        types: mention.type_probabilities.0.to_vec(),
        stance: mention.stance.as_ref().map(stored_stance),
    });
    let watched = reading.watched.iter().map(|stance| Watched {
        stance: stance.as_ref().map(stored_stance),
    });
    let stored = Stored {
        version: VERSION,
        mentions: mentions.collect(),
        tones: reading.tones.iter().flat_map(numbers).collect(),
        watched: watched.collect(),
    };
    stored.encode_to_vec()
}

/// The reading of these bytes; `None` where they are none, or of another layout.
pub fn decode(bytes: &[u8]) -> Option<Reading> {
    let stored = Stored::decode(bytes).ok()?;
    if stored.version != VERSION || stored.tones.len() % 3 != 0 {
        return None;
    }
    let mentions = stored.mentions.into_iter().map(|mention| {
        let stance = read_stance(mention.stance)?;
        let entity_type = match mention.entity_type as usize {
            0 => None,
            number => Some(*EntityType::ALL.get(number - 1)?),
        };
        Some(WindowMention {
            words: mention.start as usize..mention.end as usize,
            entity_type,
            probability: mention.probability,
            type_probabilities: TypeProbabilities(mention.types.try_into().ok()?),
            stance,
        })
    });
    Some(Reading {
        mentions: mentions.collect::<Option<_>>()?,
        tones: stored
            .tones
            .chunks(3)
            .map(distribution)
            .collect::<Option<_>>()?,
        watched: stored
            .watched
            .into_iter()
            .map(|watched| read_stance(watched.stance))
            .collect::<Option<_>>()?,
    })
}

fn stored_stance(stance: &WindowStance) -> Stance {
    Stance {
        polarity: numbers(&stance.polarity).to_vec(),
        author: stance.author,
        unnamed: stance.unnamed,
        mentions: stance.mentions.clone(),
    }
}

/// The inner `None` is no stance, the outer one that is none.
fn read_stance(stored: Option<Stance>) -> Option<Option<WindowStance>> {
    let Some(stance) = stored else {
        return Some(None);
    };
    Some(Some(WindowStance {
        polarity: distribution(&stance.polarity)?,
        author: stance.author,
        unnamed: stance.unnamed,
        mentions: stance.mentions,
    }))
}

fn number(entity_type: EntityType) -> u32 {
    let index = EntityType::ALL
        .iter()
        .position(|&known| known == entity_type);
    index.map_or(0, |index| index as u32 + 1)
}

fn numbers(distribution: &Distribution) -> [f32; 3] {
    [
        distribution.favorable,
        distribution.neutral,
        distribution.unfavorable,
    ]
}

fn distribution(numbers: &[f32]) -> Option<Distribution> {
    let &[favorable, neutral, unfavorable] = numbers else {
        return None;
    };
    Some(Distribution {
        favorable,
        neutral,
        unfavorable,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_distribution() -> impl Strategy<Value = Distribution> {
        [0.0..1.0_f32, 0.0..1.0_f32, 0.0..1.0_f32].prop_map(|[favorable, neutral, unfavorable]| {
            Distribution {
                favorable,
                neutral,
                unfavorable,
            }
        })
    }

    fn any_stance() -> impl Strategy<Value = WindowStance> {
        let holders = proptest::collection::vec(0.0..1.0_f32, 0..5);
        (any_distribution(), any::<f32>(), 0.0..1.0_f32, holders).prop_map(
            |(polarity, author, unnamed, mentions)| WindowStance {
                polarity,
                author,
                unnamed,
                mentions,
            },
        )
    }

    fn any_mention() -> impl Strategy<Value = WindowMention> {
        let types = [0.0..1.0_f32, 0.0..1.0_f32, 0.0..1.0_f32, 0.0..1.0_f32];
        let stance = proptest::option::of(any_stance());
        (
            0..500_usize,
            0..9_usize,
            0..5_usize,
            any::<f32>(),
            types,
            stance,
        )
            .prop_map(
                |(start, length, kind, probability, types, stance)| WindowMention {
                    words: start..start + length,
                    entity_type: EntityType::ALL.get(kind).copied(),
                    probability,
                    type_probabilities: TypeProbabilities(types),
                    stance,
                },
            )
    }

    proptest! {
        #[test]
        fn every_reading_comes_back_bit_by_bit(
            mentions in proptest::collection::vec(any_mention(), 0..9),
            tones in proptest::collection::vec(any_distribution(), 0..9),
            watched in proptest::collection::vec(proptest::option::of(any_stance()), 0..5),
        ) {
            let bytes = encode(&Reading { mentions, tones, watched });
            let back = decode(&bytes).map(|reading| encode(&reading));
            prop_assert_eq!(back, Some(bytes));
        }

        #[test]
        fn no_bytes_are_more_than_no_reading(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn bytes_of_another_layout_are_no_reading() {
        let stored = Stored {
            version: VERSION + 1,
            ..Stored::default()
        };
        assert_eq!(decode(&stored.encode_to_vec()), None);
        assert_eq!(decode(b""), None);
    }
}
