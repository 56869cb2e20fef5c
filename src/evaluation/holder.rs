//! Who holds a stance, where mentions and the target are given.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use super::counts::Answers;
use super::gold::GoldText;
use crate::pipeline::document::Holder;

/// The kinds of holders in the order of every table.
pub(super) const HOLDER_KINDS: [&str; 3] = ["author", "unnamed", "mention"];

/// The answers for each of [`HOLDER_KINDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct KindAnswers(pub [Answers; 3]);

impl KindAnswers {
    pub fn all(&self) -> Answers {
        let mut all = Answers::default();
        for answers in self.0 {
            all += answers;
        }
        all
    }

    fn of_mut(&mut self, holder: Holder) -> &mut Answers {
        let [author, unnamed, mention] = &mut self.0;
        match holder {
            Holder::Author => author,
            Holder::Unnamed | Holder::Unknown => unnamed,
            Holder::Mention(_) => mention,
        }
    }
}

impl AddAssign for KindAnswers {
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

/// Counts the targets of one text. Any holder of a target's stances is right; it counts as the kind of the first.
pub(super) fn count(gold: &GoldText, predicted: &[Option<Vec<(Holder, f32)>>]) -> KindAnswers {
    let mut holders: BTreeMap<usize, Vec<Holder>> = BTreeMap::new();
    for stance in &gold.stances {
        holders
            .entry(stance.target)
            .or_default()
            .push(stance.holder);
    }
    let mut counts = KindAnswers::default();
    for (target, holders) in holders {
        let answer = predicted
            .get(target)
            .and_then(Option::as_deref)
            .and_then(most_probable);
        if let Some(&first) = holders.first() {
            counts
                .of_mut(first)
                .add(answer.is_some_and(|answer| holders.contains(&answer)));
        }
    }
    counts
}

/// The first of the most probable holders.
fn most_probable(distribution: &[(Holder, f32)]) -> Option<Holder> {
    let mut best: Option<(Holder, f32)> = None;
    for &(holder, probability) in distribution.iter().filter(|(_, p)| !p.is_nan()) {
        if best.is_none_or(|(_, highest)| probability > highest) {
            best = Some((holder, probability));
        }
    }
    best.map(|(holder, _)| holder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::fixtures;
    use Holder::{Author, Mention, Unnamed};

    const STANCES: &str = r#"[{"holder":1,"target":2,"polarity":"positive"},{"holder":"U","target":2,"polarity":"positive"},{"holder":"A","target":3,"polarity":"negative"}]"#;

    fn count_of(answers: &[Option<Vec<(Holder, f32)>>]) -> [(u64, u64); 3] {
        let gold = fixtures::gold(&format!(
            r#"{{"lang":"de","text":"Ode Aran Kork","annotated":["stances"],"entities":[{{"id":1,"start":0,"end":3}},{{"id":2,"start":4,"end":8}},{{"id":3,"start":9,"end":13}}],"stances":{STANCES}}}"#
        ));
        count(&gold, answers)
            .0
            .map(|answers| (answers.right, answers.asked))
    }

    #[test]
    fn only_targets_of_a_stance_are_asked_for() {
        // Author, unnamed, mention: target 3 is the author's, target 2 counts as a mention's.
        assert_eq!(count_of(&[]), [(0, 1), (0, 0), (0, 1)]);
    }

    #[test]
    fn the_most_probable_holder_is_the_answer() {
        let toward_kork = Some(vec![(Unnamed, 0.2), (Author, 0.5), (Mention(0), 0.3)]);
        assert_eq!(
            count_of(&[None, None, toward_kork]),
            [(1, 1), (0, 0), (0, 1)]
        );
    }

    #[test]
    fn any_holder_of_a_target_is_right() {
        for (holder, right) in [(Mention(0), 1), (Unnamed, 1), (Author, 0), (Mention(2), 0)] {
            let answers = [None, Some(vec![(holder, 1.0)])];
            assert_eq!(count_of(&answers)[2], (right, 1), "{holder:?}");
        }
    }

    #[test]
    fn a_probability_that_is_no_number_is_passed_over() {
        assert_eq!(
            most_probable(&[(Author, f32::NAN), (Unnamed, 0.1)]),
            Some(Unnamed)
        );
        assert_eq!(most_probable(&[(Author, f32::NAN)]), None);
    }
}
