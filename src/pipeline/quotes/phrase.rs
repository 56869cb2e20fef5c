//! What a mention's own phrase, clause and sentence say of it as a speaker.

use super::cues::*;
use super::lexicon::{ACCORDING, CLAUSE, DEFINITE, PREPOSITION, PRONOUN, SOURCE, SPEECH};
use super::reading::{Kind, Reading, Token};
use crate::pipeline::document::{EntityType, Mention};

/// Words that a noun phrase may have before its name.
const LONGEST_PHRASE: usize = 7;
/// Tokens behind a name in which its verb is looked for.
const VERB_REACH: usize = 12;

/// The cues of each token that is a mention, whatever the passage; 0 for the other tokens.
pub(super) fn cues(reading: &Reading, mentions: &[Mention]) -> Vec<Cues> {
    let tokens = reading.tokens.as_slice();
    let mut cues: Vec<Cues> = (0..tokens.len())
        .map(|index| own(tokens, index, mentions))
        .collect();
    rank(tokens, &mut cues);
    cues
}

/// The cue for a mention's type.
pub(super) fn type_cue(mentions: &[Mention], mention: usize) -> Cues {
    match mentions.get(mention).map(|m| m.entity_type) {
        Some(EntityType::Person) => PERSON,
        Some(EntityType::Organization) => ORGANIZATION,
        _ => 0,
    }
}

/// Adds who leads its sentence and who is its first or only person.
fn rank(tokens: &[Token], cues: &mut [Cues]) {
    let mut at = (usize::MAX, usize::MAX);
    let (mut led, mut person): (bool, Option<usize>) = (false, None);
    for (index, token) in tokens.iter().enumerate() {
        if at != (token.sentence, token.line) {
            at = (token.sentence, token.line);
            (led, person) = (false, None);
        }
        led |= token.is(PRONOUN) && !token.is(DEFINITE | CLAUSE);
        let Some(own) = cues.get_mut(index).filter(|c| **c & BIAS != 0) else {
            continue;
        };
        if !led && *own & (GOVERNED | GENITIVE | MODIFIER) == 0 {
            *own |= LEADS;
            led = true;
        }
        if *own & PERSON == 0 {
            continue;
        }
        match person {
            None => {
                *own |= FIRST_PERSON | ONLY_PERSON;
                person = Some(index);
            }
            Some(first) => {
                if let Some(first) = cues.get_mut(first) {
                    *first &= !ONLY_PERSON;
                }
            }
        }
    }
}

/// The cues of a mention's own phrase and clause.
fn own(tokens: &[Token], index: usize, mentions: &[Mention]) -> Cues {
    let Some(&Token {
        kind: Kind::Mention(mention),
        sentence,
        ..
    }) = tokens.get(index)
    else {
        return 0;
    };
    let mut cues = BIAS | type_cue(mentions, mention);
    let mut set = |cue, condition| cues |= when(cue, condition);
    let previous = |n: usize| {
        let token = index.checked_sub(n).and_then(|i| tokens.get(i))?;
        (token.sentence == sentence).then_some(token)
    };
    let next = |n: usize| {
        tokens
            .get(index + n)
            .filter(|t| t.first_sentence == sentence)
    };
    let near = previous(1);
    set(
        TITLED,
        near.is_some_and(|t| t.is_capital() && !t.is(DEFINITE | PREPOSITION | PRONOUN)),
    );
    set(
        IN_PARENTHESES,
        near.is_some_and(|t| t.kind == Kind::Opening),
    );
    let comma_before = near.is_some_and(|t| t.kind == Kind::Comma);
    let stop = |t: Option<&Token>| t.is_none_or(|t| matches!(t.kind, Kind::Comma | Kind::Stop));
    set(APPOSITION, comma_before && stop(next(1)));
    set(
        MODIFIER,
        next(1).is_some_and(|t| {
            t.kind == Kind::Joint || t.is(DEFINITE) && !t.is(PREPOSITION | CLAUSE)
        }),
    );
    set(
        NOUN_BEHIND,
        next(1).is_some_and(|t| t.is_word() && !t.is_capital() && (t.class() == 0 || t.is(SOURCE))),
    );
    set(COLON_BEHIND, next(1).is_some_and(|t| t.kind == Kind::Colon));
    let noun_before = previous(2).is_some_and(|t| t.is_capital() || t.is(SOURCE));
    set(
        GENITIVE,
        near.is_some_and(|t| t.is(DEFINITE)) && noun_before,
    );

    // Backwards through the noun phrase: title, trade and adjectives before the name.
    let mut length = 0;
    let mut governed = false;
    while let Some(token) = previous(length + 1) {
        if token.is(SPEECH) {
            set(VERB_RIGHT_BEFORE, length == 0);
            set(VERB_BEFORE, !governed);
            break;
        }
        if token.is(ACCORDING) {
            set(ACCORDING_BEFORE, true);
        }
        if token.is(PREPOSITION) {
            governed = true;
            set(GOVERNED, length < 4);
        }
        if token.is(SOURCE) && length > 0 {
            set(SOURCE_BEFORE, true);
        }
        let inside =
            token.is_word() || token.kind == Kind::Joint || matches!(token.kind, Kind::Mention(_));
        length += 1;
        if !inside || length > LONGEST_PHRASE {
            break;
        }
    }
    set(OPENS_SENTENCE, !governed && previous(length + 1).is_none());

    let mut commas = 0;
    for distance in 1..=VERB_REACH {
        let Some(token) = next(distance) else { break };
        match token.kind {
            Kind::Comma | Kind::Opening => commas += 1,
            Kind::Stop | Kind::Passage(_) | Kind::Colon => break,
            _ if token.is(SPEECH) => {
                set(VERB_RIGHT_BEHIND, distance == 1);
                set(
                    if commas == 0 {
                        VERB_BEHIND
                    } else {
                        VERB_BEHIND_COMMA
                    },
                    true,
                );
                break;
            }
            _ => set(ACCORDING_BEHIND, distance == 1 && token.is(ACCORDING)),
        }
    }
    cues
}
