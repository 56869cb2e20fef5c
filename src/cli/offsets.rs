//! Selects spans of a text in the unit in which their offsets count.

use crate::proto::tagwerk::v1::{OffsetUnit, Span};

/// A text that is cut by offsets of one unit.
#[derive(Debug)]
pub struct Slices<'a> {
    text: &'a str,
    /// The byte at which each unit begins, and the end; `None` where units are bytes.
    starts: Option<Vec<usize>>,
}

impl<'a> Slices<'a> {
    /// Offsets without a unit count code points.
    pub fn new(text: &'a str, unit: OffsetUnit) -> Self {
        let ends = std::iter::once(text.len());
        let starts = match unit {
            OffsetUnit::Utf8Byte => None,
            // Both halves of a pair begin where the character does.
            OffsetUnit::Utf16CodeUnit => Some(
                text.char_indices()
                    .flat_map(|(at, c)| std::iter::repeat_n(at, c.len_utf16()))
                    .chain(ends)
                    .collect(),
            ),
            OffsetUnit::CodePoint | OffsetUnit::Unspecified => {
                Some(text.char_indices().map(|(at, _)| at).chain(ends).collect())
            }
        };
        Self { text, starts }
    }

    /// The text of a span; `None` where it does not fit.
    pub fn get(&self, span: Span) -> Option<&'a str> {
        let byte = |offset: u32| match &self.starts {
            None => Some(offset as usize),
            Some(starts) => starts.get(offset as usize).copied(),
        };
        self.text.get(byte(span.start)?..byte(span.end)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_selects_the_same_words_in_each_unit() {
        let text = "😀 grüßt Köln";
        for (unit, start, end) in [
            (OffsetUnit::Utf8Byte, 13, 18),
            (OffsetUnit::Utf16CodeUnit, 9, 13),
            (OffsetUnit::CodePoint, 8, 12),
            (OffsetUnit::Unspecified, 8, 12),
        ] {
            let slices = Slices::new(text, unit);
            assert_eq!(slices.get(Span { start, end }), Some("Köln"), "{unit:?}");
            let behind = Span { start, end: 99 };
            assert_eq!(slices.get(behind), None, "{unit:?}");
            assert_eq!(
                slices.get(Span {
                    start: end,
                    end: start
                }),
                None,
                "{unit:?}"
            );
        }
    }
}
