//! Words as the heads count them: a run of letters, digits and underscores, or one other character.

use super::text::{Span, Text};

/// The words of a span, in order. Blanks are in no word, every other character is in exactly one.
///
/// A combining mark goes on with the word before it, so that a decomposed umlaut does not cut a name.
pub fn words(text: &Text, span: Span) -> Vec<Span> {
    let slice = text.slice(span);
    let mut words = Vec::with_capacity(slice.len() / 5);
    let mut open: Option<usize> = None;
    let close = |words: &mut Vec<Span>, open: &mut Option<usize>, end: usize| {
        if let Some(start) = open.take() {
            words.push(text.span_around(span.start() + start..span.start() + end));
        }
    };
    for (at, c) in slice.char_indices() {
        let part_of_word = c.is_alphanumeric()
            || c == '_'
            || (open.is_some() && unicode_normalization::char::is_combining_mark(c));
        if part_of_word {
            open.get_or_insert(at);
            continue;
        }
        close(&mut words, &mut open, at);
        if !c.is_whitespace() {
            words.push(text.span_around(span.start() + at..span.start() + at + c.len_utf8()));
        }
    }
    close(&mut words, &mut open, slice.len());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(source: &str) -> Vec<String> {
        let text = Text::new(source).unwrap();
        words(&text, text.whole())
            .iter()
            .map(|w| text.slice(*w).to_owned())
            .collect()
    }

    #[test]
    fn a_hyphen_is_a_word_of_its_own() {
        assert_eq!(
            split("US-Präsident, 10.000!"),
            ["US", "-", "Präsident", ",", "10", ".", "000", "!"]
        );
    }

    #[test]
    fn a_decomposed_umlaut_does_not_cut_a_word() {
        assert_eq!(split("Mu\u{308}ller lacht"), ["Mu\u{308}ller", "lacht"]);
    }

    proptest! {
        #[test]
        fn every_character_but_blanks_is_in_exactly_one_word(source in any::<String>()) {
            let joined: String = split(&source).concat();
            let expected: String = source.chars().filter(|c| !c.is_whitespace()).collect();
            prop_assert_eq!(joined, expected);
        }
    }
}
