//! Who speaks: the cues of every candidate are weighed, and the best candidate wins.

use super::cues::*;
use super::phrase::{self, type_cue};
use super::reading::{Kind, Reading};
use super::rules::RULES;
use super::scene::Scene;
use crate::pipeline::document::{Holder, Mention};

/// Where a candidate stands, seen from the passage. Each place has its own weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Behind it in the same sentence.
    Right,
    /// Before it in the same sentence.
    Left,
    /// In the sentence before.
    Before,
    /// In an earlier sentence.
    Earlier,
    /// In the sentence behind.
    Behind,
    /// Nowhere: somebody who is only described.
    Nowhere,
}

/// Somebody who may have spoken a passage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) holder: Holder,
    pub(super) place: Place,
    pub(super) cues: Cues,
}

impl Candidate {
    /// The sum of the rules that apply.
    fn score(&self) -> f32 {
        let rules = RULES.get(self.place as usize).copied().unwrap_or(&[]);
        rules
            .iter()
            .filter(|(cues, _)| self.cues & cues == *cues)
            .map(|(_, weight)| weight)
            .sum()
    }
}

/// The speaker of each passage, in order.
pub(super) fn speakers(reading: &Reading, mentions: &[Mention]) -> Vec<Holder> {
    let own = phrase::cues(reading, mentions);
    let mut last = None;
    let mut speakers = Vec::with_capacity(reading.passages.len());
    for &token in &reading.passages {
        let candidates = candidates(reading, mentions, &own, token, last);
        let best = candidates
            .iter()
            .max_by(|a, b| a.score().total_cmp(&b.score()));
        let speaker = best.map_or(Holder::Unnamed, |c| c.holder);
        last = Some(speaker);
        speakers.push(speaker);
    }
    speakers
}

/// Everybody who may have spoken the passage at a token, with the cues for each.
pub(super) fn candidates(
    reading: &Reading,
    mentions: &[Mention],
    own: &[Cues],
    at: usize,
    last: Option<Holder>,
) -> Vec<Candidate> {
    let scene = Scene::new(reading, mentions, own, at);
    let passage = match reading.tokens.get(at).map(|t| t.kind) {
        Some(Kind::Passage(passage)) => passage,
        _ => usize::MAX,
    };
    let situation = scene.situation(last) | when(FRAGMENT, reading.is_fragment(passage));
    let mut candidates = vec![Candidate {
        holder: Holder::Unnamed,
        place: Place::Nowhere,
        cues: BIAS | situation,
    }];
    scene.before(&mut candidates);
    scene.behind(&mut candidates);
    let mut last_seen = false;
    for candidate in &mut candidates {
        let Holder::Mention(mention) = candidate.holder else {
            continue;
        };
        let is_last = Some(candidate.holder) == last;
        let same_name =
            matches!(last, Some(Holder::Mention(other)) if reading.same_name(mention, other));
        last_seen |= is_last;
        candidate.cues |= situation
            | when(LAST_SPEAKER, is_last)
            | when(LAST_NAME, same_name && !is_last)
            | when(NAMED_IN_PASSAGE, reading.is_named_in(mention, passage))
            | when(REPEATED, reading.is_repeated(mention));
    }
    if let Some(Holder::Mention(index)) = last
        && !last_seen
    {
        let cues = BIAS | situation | LAST_SPEAKER | OTHER_LINE | type_cue(mentions, index);
        candidates.push(Candidate {
            holder: Holder::Mention(index),
            place: Place::Earlier,
            cues,
        });
    }
    candidates
}
