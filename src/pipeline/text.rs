//! The source text, and spans that only it can make.
//!
//! Every offset of an answer goes through [`Text`]: a [`Span`] has no public constructor, so that one that is
//! out of bounds or cuts a character cannot exist. Spans count bytes; [`Offsets`] turns them into the unit that
//! a caller's string type counts in.

use std::ops::Range;

/// A half-open byte range of one [`Text`], on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// First byte.
    pub fn start(self) -> usize {
        self.start as usize
    }

    /// Byte behind the last.
    pub fn end(self) -> usize {
        self.end as usize
    }

    /// The byte range.
    pub fn range(self) -> Range<usize> {
        self.start()..self.end()
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        self.end() - self.start()
    }

    /// Whether the span selects nothing.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether `other` lies wholly within this span.
    pub fn contains(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Whether the two share at least one byte.
    pub fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The smallest span that holds both. Both must be of the same text.
    pub fn to(self, other: Span) -> Span {
        Span {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// A submitted text of at most 4 GiB, unchanged.
#[derive(Debug, Clone)]
pub struct Text {
    source: std::sync::Arc<str>,
}

impl Text {
    /// Takes a text, or gives `None` for one whose offsets do not fit 32 bits.
    pub fn new(source: impl Into<std::sync::Arc<str>>) -> Option<Self> {
        let source = source.into();
        u32::try_from(source.len()).ok().map(|_| Self { source })
    }

    /// The text as submitted.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.source.len()
    }

    /// Whether the text has no characters.
    pub fn is_empty(&self) -> bool {
        self.source.is_empty()
    }

    /// The span of a byte range, or `None` where the range is reversed, out of bounds or cuts a character.
    pub fn span(&self, range: Range<usize>) -> Option<Span> {
        self.source.get(range.clone())?;
        Some(Span {
            start: u32::try_from(range.start).ok()?,
            end: u32::try_from(range.end).ok()?,
        })
    }

    /// The span of a byte range, widened outward to character boundaries and clamped to the text.
    pub fn span_around(&self, range: Range<usize>) -> Span {
        let end = self.source.ceil_char_boundary(range.end.min(self.len()));
        let start = self.source.floor_char_boundary(range.start.min(end));
        // Both fit: `new` has bounded the length.
        Span {
            start: start as u32,
            end: end as u32,
        }
    }

    /// The whole text.
    pub fn whole(&self) -> Span {
        self.span_around(0..self.len())
    }

    /// The span without the blanks at its two ends; empty (at its start) where it is all blank.
    pub fn trim(&self, span: Span) -> Span {
        let slice = self.slice(span);
        let start = span.start() + (slice.len() - slice.trim_start().len());
        let trimmed = slice.trim();
        if trimmed.is_empty() {
            return self.span_around(span.start()..span.start());
        }
        self.span_around(start..start + trimmed.len())
    }

    /// The characters that a span selects. A span of another text is clamped to this one.
    pub fn slice(&self, span: Span) -> &str {
        let span = self.span_around(span.range());
        self.source.get(span.range()).unwrap_or("")
    }
}

/// The unit in which a caller counts offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OffsetUnit {
    /// Bytes of UTF-8.
    Utf8Byte,
    /// UTF-16 code units.
    Utf16CodeUnit,
    /// Unicode code points.
    #[default]
    CodePoint,
}

/// Bytes between two checkpoints of [`Offsets`].
const STRIDE: usize = 128;

/// Converts byte offsets of one text into another unit: one pass to build, then at most 128 bytes per lookup.
#[derive(Debug)]
pub struct Offsets<'a> {
    text: &'a str,
    unit: OffsetUnit,
    /// Units before the first character that starts at or behind byte `i * STRIDE`; empty where bytes are units.
    checkpoints: Vec<u32>,
}

impl<'a> Offsets<'a> {
    /// Indexes a text.
    pub fn new(text: &'a Text, unit: OffsetUnit) -> Self {
        let text = text.as_str();
        let mut checkpoints = Vec::new();
        if unit != OffsetUnit::Utf8Byte && !text.is_ascii() {
            checkpoints.reserve(text.len() / STRIDE + 1);
            let mut units = 0;
            for (at, c) in text.char_indices() {
                while checkpoints.len() * STRIDE <= at {
                    checkpoints.push(units);
                }
                units += width(c, unit);
            }
            while checkpoints.len() * STRIDE <= text.len() {
                checkpoints.push(units);
            }
        }
        Self {
            text,
            unit,
            checkpoints,
        }
    }

    /// The span's bounds in the chosen unit.
    pub fn convert(&self, span: Span) -> Range<u32> {
        self.offset(span.start())..self.offset(span.end())
    }

    fn offset(&self, byte: usize) -> u32 {
        let Some(&before) = self.checkpoints.get(byte / STRIDE) else {
            // Bytes are units: the unit is the byte, or the text is ASCII.
            return byte as u32;
        };
        let from = self.text.ceil_char_boundary(byte / STRIDE * STRIDE);
        let rest = self.text.get(from..byte).unwrap_or("");
        before + rest.chars().map(|c| width(c, self.unit)).sum::<u32>()
    }
}

fn width(c: char, unit: OffsetUnit) -> u32 {
    match unit {
        OffsetUnit::Utf8Byte => c.len_utf8() as u32,
        OffsetUnit::Utf16CodeUnit => c.len_utf16() as u32,
        OffsetUnit::CodePoint => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_span_that_cuts_a_character_cannot_be_made() {
        let text = Text::new("für").unwrap();
        assert_eq!(text.span(0..2), None);
        assert_eq!(text.span(1..3).map(|s| text.slice(s)), Some("ü"));
        #[expect(clippy::reversed_empty_ranges)]
        let reversed = 3..1;
        assert_eq!(text.span(reversed), None);
        assert_eq!(text.span(0..9), None);
    }

    #[test]
    fn trimming_takes_the_blanks_at_both_ends() {
        let text = Text::new(" \u{a0}Ä b\n ").unwrap();
        assert_eq!(text.slice(text.trim(text.whole())), "Ä b");
        let blank = Text::new(" \n ").unwrap();
        assert!(blank.trim(blank.whole()).is_empty());
    }

    proptest! {
        #[test]
        fn offsets_select_the_same_characters_in_every_unit(source in any::<String>(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
            let text = Text::new(source.as_str()).unwrap();
            let bounds: Vec<usize> = source.char_indices().map(|(i, _)| i).chain([source.len()]).collect();
            let (a, b) = (bounds[a.index(bounds.len())], bounds[b.index(bounds.len())]);
            let span = text.span(a.min(b)..a.max(b)).unwrap();
            let expected = text.slice(span);

            let points = Offsets::new(&text, OffsetUnit::CodePoint).convert(span);
            let by_points: String = source.chars().skip(points.start as usize).take(points.len()).collect();
            prop_assert_eq!(&by_points, expected);

            let units = Offsets::new(&text, OffsetUnit::Utf16CodeUnit).convert(span);
            let utf16: Vec<u16> = source.encode_utf16().collect();
            let by_units = String::from_utf16(&utf16[units.start as usize..units.end as usize]).unwrap();
            prop_assert_eq!(&by_units, expected);

            let bytes = Offsets::new(&text, OffsetUnit::Utf8Byte).convert(span);
            prop_assert_eq!(&source[bytes.start as usize..bytes.end as usize], expected);
        }
    }
}
