//! The clause of a sentence that carries a stance.

use std::ops::Range;

use super::text::{Span, Text};

/// Words that a clause needs to stand alone; a shorter part stays with its neighbour.
const FEWEST_WORDS: usize = 3;
/// Longest word in bytes that is looked up.
const LONGEST_WORD: usize = 16;

/// Conjunctions and pronouns that begin a clause behind a comma.
#[rustfmt::skip]
const BEHIND_COMMA: &[&str] = &[
    // German
    "während", "wohingegen", "weil", "obwohl", "obgleich", "aber", "doch", "jedoch", "sondern",
    "denn", "wobei", "wogegen", "nachdem", "bevor", "wenn", "als", "dass", "sodass", "und", "der",
    "die", "das", "dem", "den", "deren", "dessen", "welche", "welcher", "welches", "wer", "was",
    "wo", "worauf", "woraufhin",
    // English
    "while", "whereas", "but", "although", "though", "because", "since", "who", "which", "whose",
    "whom", "and", "yet", "so", "when", "after", "before", "where", "if", "unless",
    // French
    "mais", "tandis", "alors", "quoique", "bien", "parce", "car", "qui", "que", "dont", "où", "et",
    "lorsque", "puisque",
    // Spanish, Portuguese
    "pero", "mientras", "aunque", "porque", "sino", "quien", "cuyo", "cuya", "mas", "enquanto",
    "embora", "quem", "porém", "y", "e", "cujo", "cuja",
    // Italian
    "ma", "mentre", "benché", "sebbene", "perché", "che", "però", "cui", "invece",
    // Dutch
    "maar", "terwijl", "hoewel", "omdat", "want", "die", "dat", "wie", "toen", "nadat",
    // Polish
    "ale", "lecz", "natomiast", "podczas", "choć", "chociaż", "ponieważ", "bo", "że", "który",
    "która", "które", "którego", "której", "którzy", "których", "gdy", "zaś", "a",
];

/// Conjunctions that begin a clause without a comma, as English and the Romance languages allow.
#[rustfmt::skip]
const ANYWHERE: &[&str] = &[
    "while", "whereas", "but", "tandis", "mais", "pero", "mientras", "mentre", "enquanto",
    "terwijl", "whilst",
];

/// The clause of a sentence that holds a target; the whole sentence where it has but one clause.
/// The answer always contains the target and has no blanks around it, but for those of the target
/// itself. Linear in the sentence's length.
pub fn evidence(text: &Text, sentence: Span, target: Span) -> Span {
    let clauses = clauses(text, sentence);
    let mut holding = clauses
        .into_iter()
        .filter(|c| c.overlaps(target) || c.contains(target));
    match holding.next() {
        Some(first) => holding.fold(first, Span::to).to(target),
        None => text.trim(sentence).to(target),
    }
}

/// The clauses of a sentence, without the blanks and the punctuation between them.
fn clauses(text: &Text, sentence: Span) -> Vec<Span> {
    let source = text.slice(sentence);
    let mut parts: Vec<Range<usize>> = Vec::new();
    let words = words(source);
    let mut start = 0;
    for cut in cuts(source) {
        if is_clause(&words, start..cut) && is_clause(&words, cut..source.len()) {
            parts.push(start..cut);
            start = cut;
        }
    }
    parts.push(start..source.len());
    let whole = parts.len() == 1;
    let spans = parts.into_iter().map(|part| {
        let words = source.get(part.clone()).unwrap_or("");
        // Where a sentence is cut, the sign at the cut belongs to neither part.
        let kept = if whole {
            words
        } else {
            words
                .trim_start_matches(is_separator)
                .trim_end_matches(is_separator)
        };
        let from = part.start
            + if whole {
                0
            } else {
                words.len() - words.trim_start_matches(is_separator).len()
            };
        text.trim(text.span_around(sentence.start() + from..sentence.start() + from + kept.len()))
    });
    spans.collect()
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | '–' | '—' | '-')
}

/// Where the words of a text begin, ascending; a word holds a letter or a digit.
fn words(source: &str) -> Vec<usize> {
    let mut words = Vec::new();
    let mut inside = false;
    for (at, c) in source.char_indices() {
        if !inside && c.is_alphanumeric() {
            words.push(at);
            inside = true;
        } else if c.is_whitespace() {
            inside = false;
        }
    }
    words
}

/// Whether a part has enough words to stand alone.
fn is_clause(words: &[usize], range: Range<usize>) -> bool {
    let first = words.partition_point(|&at| at < range.start);
    words
        .get(first + FEWEST_WORDS - 1)
        .is_some_and(|&at| at < range.end)
}

/// Where a new clause may begin, ascending.
fn cuts(source: &str) -> Vec<usize> {
    let mut cuts = Vec::new();
    let mut before = ' ';
    for (at, c) in source.char_indices() {
        let end = at + c.len_utf8();
        match c {
            ';' => cuts.push(at),
            '–' | '—' if before.is_whitespace() => cuts.push(at),
            ',' if begins_with(source, end, BEHIND_COMMA) => cuts.push(at),
            _ if c.is_whitespace() && before != ',' && begins_with(source, end, ANYWHERE) => {
                cuts.push(at)
            }
            _ => {}
        }
        before = c;
    }
    cuts
}

/// Whether one of the words stands at a position, behind blanks.
fn begins_with(source: &str, at: usize, words: &[&str]) -> bool {
    let end = source.ceil_char_boundary((at + LONGEST_WORD).min(source.len()));
    let ahead = source.get(at..end).unwrap_or("").trim_start();
    let word = ahead
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or("");
    words.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clause(sentence: &str, target: &str) -> String {
        let text = Text::new(sentence).unwrap();
        let at = sentence.find(target).unwrap();
        let target = text.span(at..at + target.len()).unwrap();
        text.slice(evidence(&text, text.whole(), target)).to_owned()
    }

    #[test]
    fn a_contrast_is_two_clauses() {
        let cases = [
            (
                "Müller lobte Schmidt, während Weber ihn scharf kritisierte.",
                "Schmidt",
                "Müller lobte Schmidt",
            ),
            (
                "Müller lobte Schmidt, während Weber ihn scharf kritisierte.",
                "Weber",
                "während Weber ihn scharf kritisierte.",
            ),
            (
                "Adler gefiel allen, aber Falke war eine Enttäuschung.",
                "Falke",
                "aber Falke war eine Enttäuschung.",
            ),
            (
                "Adler gefiel den Leuten; Falke fiel glatt durch.",
                "Adler",
                "Adler gefiel den Leuten",
            ),
            (
                "Adler gefiel den Leuten – Falke fiel glatt durch.",
                "Falke",
                "Falke fiel glatt durch.",
            ),
            (
                "She praised the Adler team but called Falke lazy.",
                "Adler",
                "She praised the Adler team",
            ),
            (
                "She praised the Adler team but called Falke lazy.",
                "Falke",
                "but called Falke lazy.",
            ),
            (
                "Elle a salué Adler, mais Falke l’a déçue.",
                "Falke",
                "mais Falke l’a déçue.",
            ),
            (
                "Elogió mucho a Adler, pero criticó a Falke.",
                "Adler",
                "Elogió mucho a Adler",
            ),
            (
                "Ha lodato molto Adler, ma ha stroncato Falke.",
                "Falke",
                "ma ha stroncato Falke.",
            ),
            (
                "Ze prees Adler uitbundig, maar vond Falke zwak.",
                "Falke",
                "maar vond Falke zwak.",
            ),
            (
                "Pochwaliła cały zespół Adler, ale zganiła Falke.",
                "Falke",
                "ale zganiła Falke.",
            ),
            (
                "Elogiou muito a Adler, mas criticou a Falke.",
                "Falke",
                "mas criticou a Falke.",
            ),
        ];
        for (sentence, target, expected) in cases {
            assert_eq!(clause(sentence, target), expected, "{sentence}");
        }
    }

    #[test]
    fn a_relative_clause_is_a_clause() {
        let sentence = "Die Firma dankte Ada Berg, die das Werk in Falke gerettet hatte.";
        assert_eq!(clause(sentence, "Ada Berg"), "Die Firma dankte Ada Berg");
        assert_eq!(
            clause(sentence, "Falke"),
            "die das Werk in Falke gerettet hatte."
        );
    }

    #[test]
    fn a_part_too_short_to_stand_alone_stays_with_its_neighbour() {
        for sentence in [
            "Gut, aber teuer findet Berg das Auto.",
            "Berg, die Siegerin, dankte allen.",
        ] {
            assert_eq!(clause(sentence, "Berg"), sentence);
        }
    }

    #[test]
    fn a_list_is_not_cut() {
        let sentence = "Berg, Adler, Falke und Specht lobten den Plan.";
        assert_eq!(clause(sentence, "Falke"), sentence);
    }

    #[test]
    fn a_hyphen_is_not_a_dash() {
        let sentence = "Der Berg-Konzern und die Adler-Gruppe streiten weiter.";
        assert_eq!(clause(sentence, "Adler"), sentence);
    }

    #[test]
    fn a_target_across_two_clauses_has_both_as_evidence() {
        let sentence = "Alle mochten den Film Eis, aber kein Feuer im Kino.";
        assert_eq!(clause(sentence, "Eis, aber kein Feuer"), sentence);
    }

    #[test]
    fn a_target_outside_of_the_sentence_is_still_contained() {
        let text = Text::new("Eins. Zwei.").unwrap();
        let (sentence, target) = (text.span(0..5).unwrap(), text.span(6..10).unwrap());
        assert!(evidence(&text, sentence, target).contains(target));
    }

    #[test]
    fn a_sentence_of_a_megabyte_is_read_in_one_pass() {
        for part in ["aber, aber; ", ";", ", die ", " – ", "a"] {
            let text = Text::new(part.repeat(1_000_000 / part.len())).unwrap();
            let target = text.span_around(600..604);
            assert!(evidence(&text, text.whole(), target).contains(target));
        }
    }

    fn odd_sentence() -> impl Strategy<Value = String> {
        let pieces = ["aber", ", die", "; ", " – ", " ", "a\u{308} ", "\0", "\r\n"];
        let piece = prop::sample::select(pieces.to_vec()).prop_map(str::to_owned);
        prop::collection::vec(prop_oneof![any::<String>(), piece], 0..30).prop_map(|p| p.concat())
    }

    proptest! {
        #[test]
        fn the_evidence_contains_the_target_and_lies_in_the_text(
            source in odd_sentence(),
            a in any::<prop::sample::Index>(),
            b in any::<prop::sample::Index>(),
        ) {
            let text = Text::new(source.as_str()).unwrap();
            let starts = source.char_indices().map(|(at, _)| at);
            let bounds: Vec<usize> = starts.chain([source.len()]).collect();
            let (a, b) = (bounds[a.index(bounds.len())], bounds[b.index(bounds.len())]);
            let target = text.span(a.min(b)..a.max(b)).unwrap();
            let evidence = evidence(&text, text.whole(), target);
            prop_assert!(evidence.contains(target));
            prop_assert!(text.span(evidence.range()).is_some());
        }

        #[test]
        fn clauses_leave_out_nothing_but_what_stands_between_them(source in odd_sentence()) {
            let text = Text::new(source.as_str()).unwrap();
            let mut end = 0;
            for clause in clauses(&text, text.whole()) {
                prop_assert!(clause.start() >= end);
                prop_assert!(source[end..clause.start()].chars().all(is_separator));
                end = clause.end();
            }
            prop_assert!(source[end..].chars().all(is_separator));
        }
    }
}
