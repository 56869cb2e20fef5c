//! A passage with the words around it: who acts in its sentence, and who may have spoken.

use super::cues::*;
use super::lexicon::{
    ACCORDING, CLAUSE, DEFINITE, IMPERSONAL, INDEFINITE, PREPOSITION, PRONOUN, REPORTED, SOURCE,
    SPEECH, UTTERANCE,
};
use super::phrase::type_cue;
use super::reading::{Kind, Reading, Token};
use super::speaker::{Candidate, Place};
use crate::pipeline::document::{Holder, Mention};

/// Tokens before a passage in which a speaker is looked for.
const REACH_BEFORE: usize = 120;
/// Tokens behind it.
const REACH_BEHIND: usize = 40;
/// Candidates before a passage that are weighed.
const MOST_CANDIDATES: usize = 24;
/// Sentences before the passage's own in which a speaker is looked for.
const SENTENCES_BEFORE: usize = 3;
/// Tokens around a verb in which its subject is looked for.
const PHRASE_REACH: usize = 12;

/// A passage with the tokens around it.
pub(super) struct Scene<'a> {
    tokens: &'a [Token],
    mentions: &'a [Mention],
    /// The passage's token.
    at: usize,
    /// First token of the passage's sentence.
    left: usize,
    /// First token that is looked at.
    start: usize,
    /// Token behind the passage's sentence.
    right: usize,
    /// Token behind the last that is looked at.
    end: usize,
    first_line: usize,
    last_line: usize,
    first_sentence: usize,
    /// Cues of each token.
    own: &'a [Cues],
    subject_before: Subject,
    subject_behind: Subject,
    source: Subject,
}

/// Who a verb of speech has as its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// The mention at this token.
    Name(usize),
    Pronoun,
    Indefinite,
    Described,
    None,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        reading: &'a Reading,
        mentions: &'a [Mention],
        own: &'a [Cues],
        at: usize,
    ) -> Self {
        let tokens = reading.tokens.as_slice();
        let passage = tokens.get(at).copied();
        let (first_sentence, sentence) = passage.map_or((0, 0), |t| (t.first_sentence, t.sentence));
        let (first_line, last_line) = passage.map_or((0, 0), |t| (t.first_line, t.line));
        let reach = tokens
            .get(at.saturating_sub(REACH_BEFORE)..at)
            .unwrap_or(&[]);
        let near = reach.iter().rev();
        let in_sentence = near
            .clone()
            .take_while(|t| t.sentence == first_sentence && t.line == first_line)
            .count();
        let seen = near
            .take_while(|t| t.sentence + SENTENCES_BEFORE >= first_sentence)
            .count();
        let rest = tokens
            .get(at + 1..(at + 1 + REACH_BEHIND).min(tokens.len()))
            .unwrap_or(&[]);
        // A sentence may go on behind a passage that ends in a full stop.
        let goes_on = rest.first().is_some_and(|t| {
            t.line == last_line
                && (t.kind == Kind::Comma
                    || (t.is_word() && !t.is_capital())
                    || t.kind == Kind::Dash)
        });
        let sentence = rest
            .first()
            .filter(|_| goes_on)
            .map_or(sentence, |t| t.sentence);
        let behind = rest
            .iter()
            .take_while(|t| t.sentence == sentence && t.line == last_line)
            .count();
        let looked_at = rest
            .iter()
            .take_while(|t| t.sentence <= sentence + 1)
            .count();
        let mut scene = Self {
            tokens,
            mentions,
            at,
            left: at - in_sentence,
            start: at - seen,
            right: at + 1 + behind,
            end: at + 1 + looked_at,
            first_line,
            last_line,
            first_sentence,
            own,
            subject_before: Subject::None,
            subject_behind: Subject::None,
            source: Subject::None,
        };
        scene.subject_before = scene.find_subject_before();
        scene.subject_behind = scene.find_subject_behind();
        scene.source = scene.find_source();
        scene
    }

    fn token(&self, index: usize) -> Option<&Token> {
        self.tokens.get(index)
    }

    fn slice(&self, from: usize, to: usize) -> &'a [Token] {
        self.tokens.get(from..to).unwrap_or(&[])
    }

    fn own_of(&self, index: usize) -> Cues {
        self.own.get(index).copied().unwrap_or(0)
    }

    /// Whether a mention cannot be a subject: a preposition, a genitive or a compound holds it.
    fn is_oblique(&self, index: usize) -> bool {
        self.own_of(index) & (GOVERNED | GENITIVE | MODIFIER) != 0
    }

    /// Whether a token is "according to", whose phrase may be governed: "nach Angaben von Ada
    /// Berg".
    fn is_source(&self, at: usize, described: Subject) -> bool {
        self.token(at).is_some_and(|t| t.is(ACCORDING)) && described != Subject::Indefinite
    }

    fn subject_cues(&self, index: usize) -> Cues {
        let name = Subject::Name(index);
        when(SUBJECT_BEFORE, self.subject_before == name)
            | when(SUBJECT_BEHIND, self.subject_behind == name)
            | when(SUBJECT_ACCORDING, self.source == name)
    }

    fn is_person(&self, token: &Token) -> bool {
        matches!(token.kind, Kind::Mention(index) if type_cue(self.mentions, index) == PERSON)
    }

    /// The cues that are the same for every candidate.
    pub(super) fn situation(&self, last: Option<Holder>) -> Cues {
        when(LAST_UNNAMED, last == Some(Holder::Unnamed))
            | when(FIRST_PASSAGE, last.is_none())
            | self.words_around()
            | self.names_around()
            | self.subjects_around()
    }

    /// What the words of the passage's sentence say.
    fn words_around(&self) -> Cues {
        let left = self.slice(self.left, self.at);
        let right = self.slice(self.at + 1, self.right);
        let has = |tokens: &[Token], class| tokens.iter().any(|t| t.is(class));
        let anywhere = |class| has(left, class) || has(right, class);
        when(
            BEHIND_COLON,
            left.last().is_some_and(|t| t.kind == Kind::Colon),
        ) | when(SOURCE_FOLLOWS, has(right, SOURCE))
            | when(SOURCE_PRECEDES, has(left, SOURCE))
            | when(IMPERSONAL_NEAR, anywhere(IMPERSONAL))
            | when(UTTERANCE_PRECEDES, has(left, UTTERANCE))
            | when(ACCORDING_NEAR, anywhere(ACCORDING))
            | when(REPORTED_NEAR, anywhere(REPORTED))
            | when(REPORTED_ONLY, anywhere(REPORTED) && !anywhere(SPEECH))
            | when(
                SENTENCE_SHARED,
                left.iter().any(|t| matches!(t.kind, Kind::Passage(_))),
            )
            | when(PRONOUN_OPENS, left.first().is_some_and(|t| t.is(PRONOUN)))
            | when(DESCRIBED_OPENS, self.opens_described(left))
            | when(IN_RELATIVE_CLAUSE, in_relative_clause(left))
    }

    /// Which names there are and are not.
    fn names_around(&self) -> Cues {
        let sentence = || {
            self.slice(self.left, self.at)
                .iter()
                .chain(self.slice(self.at + 1, self.right))
        };
        let named = |t: &Token| matches!(t.kind, Kind::Mention(_));
        let before = self.slice(self.start, self.left);
        when(ALONE, !sentence().any(|t| t.is_word() || named(t)))
            | when(NO_PERSON, !sentence().any(|t| self.is_person(t)))
            | when(NO_NAME, !sentence().any(named))
            | when(NO_PERSON_BEFORE, !before.iter().any(|t| self.is_person(t)))
    }

    /// Who the subjects of the verbs of speech are.
    fn subjects_around(&self) -> Cues {
        let described = matches!(self.source, Subject::Described | Subject::Indefinite);
        when(VERB_FOLLOWS, self.verb_behind().is_some())
            | when(VERB_PRECEDES, self.verb_before().is_some())
            | when(ACCORDING_NAMED, matches!(self.source, Subject::Name(_)))
            | when(ACCORDING_DESCRIBED, described)
            | match self.subject_behind {
                Subject::Name(_) => NAME_FOLLOWS,
                Subject::Pronoun => PRONOUN_FOLLOWS,
                Subject::Indefinite => INDEFINITE_FOLLOWS,
                Subject::Described => DESCRIBED_FOLLOWS,
                Subject::None => 0,
            }
            | match self.subject_before {
                Subject::Name(_) => NAME_PRECEDES,
                Subject::Pronoun => PRONOUN_PRECEDES,
                Subject::Indefinite => INDEFINITE_PRECEDES,
                Subject::Described => DESCRIBED_PRECEDES,
                Subject::None => 0,
            }
    }

    /// Whether the sentence begins with an article and a noun that no name follows.
    fn opens_described(&self, left: &[Token]) -> bool {
        let articled = left
            .first()
            .is_some_and(|t| t.is(INDEFINITE | DEFINITE) || t.is(SOURCE));
        let phrase = left
            .iter()
            .skip(1)
            .take_while(|t| t.is_word() && !t.is(SPEECH | PREPOSITION | CLAUSE));
        let next = phrase.count() + 1;
        articled
            && !left
                .get(next)
                .is_some_and(|t| matches!(t.kind, Kind::Mention(_)))
    }

    /// The verb of speech that follows the passage in its clause.
    fn verb_behind(&self) -> Option<usize> {
        let right = self.slice(self.at + 1, self.right);
        // A list of passages has one verb: „…“, „…“ und „…“.
        let joins = |t: &Token| t.kind == Kind::Comma || t.is(CLAUSE) && !t.is(PRONOUN);
        let list = right
            .iter()
            .rposition(|t| matches!(t.kind, Kind::Passage(_)));
        let listed = list.filter(|&i| {
            right
                .iter()
                .take(i)
                .all(|t| joins(t) || matches!(t.kind, Kind::Passage(_)))
        });
        let skipped = listed.map_or(0, |i| i + 1);
        let clause = right
            .iter()
            .enumerate()
            .skip(skipped)
            .take(PHRASE_REACH)
            .take_while(|(i, t)| {
                !matches!(t.kind, Kind::Passage(_) | Kind::Stop)
                    && (*i == skipped || t.kind != Kind::Comma)
            });
        clause
            .filter(|(_, t)| t.is(SPEECH))
            .map(|(i, _)| self.at + 1 + i)
            .next()
    }

    /// The verb of speech before the passage in its sentence that is nearest to it.
    fn verb_before(&self) -> Option<usize> {
        let left = self.slice(self.left, self.at);
        left.iter()
            .rposition(|t| t.is(SPEECH))
            .map(|i| self.left + i)
    }

    /// The subject of the verb behind the passage: what follows it, else what precedes it.
    fn find_subject_behind(&self) -> Subject {
        let Some(verb) = self.verb_behind() else {
            return Subject::None;
        };
        match self.phrase_behind(verb, self.right) {
            Subject::None => self.phrase_before(verb, self.at + 1),
            found => found,
        }
    }

    /// The subject of the verb before the passage: what precedes it, else what follows it; the
    /// other way round for a verb that opens an inserted clause (", said Berg, ").
    fn find_subject_before(&self) -> Subject {
        let Some(verb) = self.verb_before() else {
            return Subject::None;
        };
        let inserted = verb
            .checked_sub(1)
            .and_then(|i| self.token(i))
            .is_some_and(|t| matches!(t.kind, Kind::Comma | Kind::Dash));
        if inserted {
            let behind = self.phrase_behind(verb, self.at);
            if behind != Subject::None {
                return behind;
            }
        }
        match self.phrase_before(verb, self.left) {
            Subject::None => self.phrase_behind(verb, self.at),
            found => found,
        }
    }

    /// Whom "according to" in the passage's sentence names or describes.
    fn find_source(&self) -> Subject {
        let left = self.slice(self.left, self.at);
        let according = left.iter().rposition(|t| t.is(ACCORDING) && !t.is(CLAUSE));
        according.map_or(Subject::None, |i| {
            self.phrase_behind(self.left + i, self.at)
        })
    }

    /// The noun phrase behind a verb.
    fn phrase_behind(&self, verb: usize, to: usize) -> Subject {
        let mut described = Subject::None;
        for index in verb + 1..to.min(verb + 1 + PHRASE_REACH) {
            let Some(token) = self.token(index) else {
                break;
            };
            match token.kind {
                Kind::Mention(_) if !self.is_oblique(index) || self.is_source(verb, described) => {
                    return Subject::Name(index);
                }
                // "the chairwoman of the club, Ada Berg"
                Kind::Comma if described != Subject::None => {
                    let person = (index + 1..to.min(index + 4))
                        .find(|&i| self.token(i).is_some_and(|t| self.is_person(t)));
                    return person.map_or(described, Subject::Name);
                }
                Kind::Mention(_) | Kind::Joint => {}
                Kind::Word { .. } if described != Subject::None => {}
                Kind::Word { .. } if token.is(INDEFINITE) => described = Subject::Indefinite,
                Kind::Word { .. } if token.is(PRONOUN) && !token.is(DEFINITE) => {
                    return Subject::Pronoun;
                }
                Kind::Word { .. }
                    if token.is(PREPOSITION)
                        && !token.is(DEFINITE)
                        && !self.is_source(verb, described) =>
                {
                    break;
                }
                Kind::Word { .. } if token.is(DEFINITE | SOURCE) => described = Subject::Described,
                Kind::Word { .. } => {}
                _ => break,
            }
        }
        described
    }

    /// The noun phrase before a verb, as far as the clause goes.
    fn phrase_before(&self, verb: usize, from: usize) -> Subject {
        let mut found = Subject::None;
        for index in (from.max(verb.saturating_sub(PHRASE_REACH))..verb).rev() {
            let Some(token) = self.token(index) else {
                break;
            };
            match token.kind {
                Kind::Mention(_) if !self.is_oblique(index) => return Subject::Name(index),
                Kind::Stop | Kind::Passage(_) | Kind::Colon => break,
                Kind::Comma if found != Subject::None => break,
                Kind::Word { .. } if token.is(PRONOUN) && !token.is(DEFINITE) => {
                    return Subject::Pronoun;
                }
                Kind::Word { .. } if token.is(INDEFINITE) => found = Subject::Indefinite,
                Kind::Word { .. } if token.is(DEFINITE | SOURCE) && found == Subject::None => {
                    found = Subject::Described;
                }
                _ => {}
            }
        }
        found
    }

    /// Adds the candidates before the passage, nearest first.
    pub(super) fn before(&self, candidates: &mut Vec<Candidate>) {
        let mut between = Between::default();
        for index in (self.start..self.at).rev() {
            if candidates.len() > MOST_CANDIDATES {
                break;
            }
            self.visit(index, index + 1, &mut between, candidates);
        }
    }

    /// Adds the candidates behind the passage, nearest first.
    pub(super) fn behind(&self, candidates: &mut Vec<Candidate>) {
        let mut between = Between::default();
        for index in self.at + 1..self.end {
            self.visit(index, index - 1, &mut between, candidates);
        }
    }

    /// Adds the candidate at a token, if it is one, and passes the token. `nearer` is its neighbour
    /// toward the passage.
    fn visit(
        &self,
        index: usize,
        nearer: usize,
        between: &mut Between,
        candidates: &mut Vec<Candidate>,
    ) {
        let Some(token) = self.token(index) else {
            return;
        };
        if let Kind::Mention(mention) = token.kind {
            let line = if index < self.at {
                self.first_line
            } else {
                self.last_line
            };
            let own = self.own_of(index);
            let cues = own
                | between.cues()
                | self.subject_cues(index)
                | when(OTHER_LINE, token.line != line);
            between.pass_name(own & PERSON != 0);
            candidates.push(Candidate {
                holder: Holder::Mention(mention),
                place: self.place_of(index, token),
                cues,
            });
        }
        between.pass(token, self.token(nearer));
    }

    fn place_of(&self, index: usize, token: &Token) -> Place {
        if index >= self.right {
            Place::Behind
        } else if index > self.at {
            Place::Right
        } else if index >= self.left {
            Place::Left
        } else if token.sentence + 1 >= self.first_sentence {
            Place::Before
        } else {
            Place::Earlier
        }
    }
}

/// Whether the passage stands behind a comma and a relative pronoun or conjunction.
fn in_relative_clause(left: &[Token]) -> bool {
    let comma = left.iter().rposition(|t| t.kind == Kind::Comma);
    comma
        .and_then(|i| left.get(i + 1))
        .is_some_and(|t| t.is(CLAUSE))
}

/// What lies between a passage and a candidate.
#[derive(Debug, Default)]
struct Between {
    words: usize,
    commas: usize,
    names: usize,
    persons: usize,
    verb: bool,
    passage: bool,
    colon: bool,
    clause: bool,
}

impl Between {
    fn pass(&mut self, token: &Token, neighbour: Option<&Token>) {
        match token.kind {
            Kind::Comma => self.commas += 1,
            Kind::Colon => self.colon = true,
            Kind::Passage(_) => self.passage = true,
            Kind::Word { .. } => {
                self.words += 1;
                self.verb |= token.is(SPEECH);
                self.clause |= token.is(CLAUSE) && neighbour.is_some_and(|t| t.kind == Kind::Comma);
            }
            _ => {}
        }
    }

    fn pass_name(&mut self, person: bool) {
        self.names += 1;
        self.persons += usize::from(person);
    }

    fn cues(&self) -> Cues {
        when(
            ADJACENT,
            self.words == 0 && self.names == 0 && !self.passage,
        ) | when(SAME_CLAUSE, self.commas == 0)
            | when(VERB_BETWEEN, self.verb)
            | when(PASSAGE_BETWEEN, self.passage)
            | when(COLON_BETWEEN, self.colon)
            | when(CLAUSE_BETWEEN, self.clause)
            | when(NEAREST, self.names == 0)
            | when(NEAREST_PERSON, self.persons == 0)
    }
}
