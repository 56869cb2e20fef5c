//! Folded text: what is the same name to a reader is the same bytes here, and each byte knows where it came from.

use unicode_normalization::{
    UnicodeNormalization as _,
    char::{decompose_canonical, is_combining_mark},
};

use crate::pipeline::sentences::is_line_break;

/// Stands for every character that is neither a letter nor a digit and has no meaning here.
const OTHER: u8 = 1;

/// A text in lower case without accents; ä, ö, ü and ß are written ae, oe, ue and ss, hyphens, apostrophes and blanks
/// are of one kind, blanks in a row are one, and soft hyphens and other invisible characters are gone.
#[derive(Debug, Default)]
pub struct Folded {
    pub bytes: Vec<u8>,
    /// One for each byte.
    pub units: Vec<Unit>,
}

/// Where a folded byte comes from.
#[derive(Debug, Clone, Copy)]
pub struct Unit {
    /// First byte of the character in the source, with its marks.
    pub start: u32,
    /// Byte behind it.
    pub end: u32,
    /// The character as written, composed.
    pub letter: char,
}

impl Folded {
    /// Folds a text of at most 4 GiB.
    pub fn new(source: &str) -> Self {
        let mut folded = Self {
            bytes: Vec::with_capacity(source.len()),
            units: Vec::with_capacity(source.len()),
        };
        let mut characters = source.char_indices().peekable();
        while let Some((start, c)) = characters.next() {
            let mut end = start + c.len_utf8();
            let mut marked = false;
            while let Some(&(at, mark)) = characters.peek() {
                if mark.is_ascii() || !is_combining_mark(mark) {
                    break;
                }
                marked = true;
                end = at + mark.len_utf8();
                characters.next();
            }
            let unit = Unit {
                start: start as u32,
                end: end as u32,
                letter: c,
            };
            if marked {
                // Few marks are of one letter; more are no name's.
                for composed in source[start..end].chars().take(8).nfc() {
                    folded.push(Unit {
                        letter: composed,
                        ..unit
                    });
                }
            } else {
                folded.push(unit);
            }
        }
        folded
    }

    /// Whether the byte at an index belongs to a word.
    pub fn is_word(&self, at: usize) -> bool {
        self.bytes.get(at).is_some_and(|&byte| is_word(byte))
    }

    /// Behind the last byte of the word that starts at an index. Of a word without end some is enough.
    pub fn word_end(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or(&[]);
        let word = rest.iter().take(super::names::LONGEST_WORD + 1);
        from + word.take_while(|&&byte| is_word(byte)).count()
    }

    fn push(&mut self, unit: Unit) {
        let c = unit.letter;
        if c.is_ascii() {
            match c {
                _ if is_line_break(c) => self.byte(b'\n', unit),
                _ if c.is_whitespace() => self.blank(unit),
                '`' => self.byte(b'\'', unit),
                _ => self.byte(c.to_ascii_lowercase() as u8, unit),
            }
            return;
        }
        match c {
            _ if is_line_break(c) => self.byte(b'\n', unit),
            _ if c.is_whitespace() => self.blank(unit),
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {}
            '‐' | '‑' | '‒' | '–' | '−' | '﹣' | '-' => self.byte(b'-', unit),
            '’' | '‘' | 'ʼ' | '´' | '′' | '＇' | '‛' => self.byte(b'\'', unit),
            _ if !c.is_alphanumeric() => {
                // A mark alone belongs to the letter before it.
                if !is_combining_mark(c) {
                    self.byte(OTHER, unit);
                }
            }
            _ => c.to_lowercase().for_each(|lower| self.letter(lower, unit)),
        }
    }

    fn letter(&mut self, lower: char, unit: Unit) {
        match lower {
            'ä' | 'æ' => self.bytes_of("ae", unit),
            'ö' | 'œ' => self.bytes_of("oe", unit),
            'ü' => self.bytes_of("ue", unit),
            'ß' => self.bytes_of("ss", unit),
            'ł' => self.byte(b'l', unit),
            'ø' => self.byte(b'o', unit),
            'đ' => self.byte(b'd', unit),
            'ı' => self.byte(b'i', unit),
            _ => decompose_canonical(lower, |part| {
                if !is_combining_mark(part) {
                    self.bytes_of(part.encode_utf8(&mut [0; 4]), unit);
                }
            }),
        }
    }

    fn bytes_of(&mut self, folded: &str, unit: Unit) {
        folded.bytes().for_each(|byte| self.byte(byte, unit));
    }

    fn byte(&mut self, byte: u8, unit: Unit) {
        self.bytes.push(byte);
        self.units.push(unit);
    }

    fn blank(&mut self, unit: Unit) {
        if self.bytes.last() != Some(&b' ') {
            self.byte(b' ', unit);
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folded(source: &str) -> String {
        String::from_utf8(Folded::new(source).bytes).unwrap()
    }

    #[test]
    fn spellings_of_one_name_fold_to_the_same() {
        let cases = [
            ("MÜLLER", "mueller"),
            ("Mu\u{308}ller", "mueller"),
            ("Groß", "gross"),
            ("Łódź", "lodz"),
            ("L’Élysée", "l'elysee"),
            ("Volks\u{ad}wagen", "volkswagen"),
            ("A\u{a0} \u{2009}B", "a b"),
            ("VW–Chef", "vw-chef"),
            ("A\u{2028}B", "a\nb"),
            ("„Å“", "\u{1}a\u{1}"),
        ];
        for (source, expected) in cases {
            assert_eq!(folded(source), expected, "{source}");
        }
    }

    proptest! {
        #[test]
        fn every_byte_knows_a_character_of_the_source(source in any::<String>()) {
            let folded = Folded::new(&source);
            prop_assert_eq!(folded.bytes.len(), folded.units.len());
            let mut before = 0;
            for unit in &folded.units {
                prop_assert!(source.get(unit.start as usize..unit.end as usize).is_some_and(|s| !s.is_empty()));
                prop_assert!(before <= unit.start);
                before = unit.start;
            }
        }
    }
}
