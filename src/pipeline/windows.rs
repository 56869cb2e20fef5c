//! Windows: the pieces in which a document goes through the encoder.
//!
//! A window holds whole lines, and what they say decides behind which of them it ends; a line that is too long is cut
//! between sentences, and a sentence that is too long for the encoder between words, with an overlap. Windows are made
//! one after the other, so that a long document never stands in memory as tokens.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use crate::model::{
    Heads, ModelError, SpecialTokens, Token, Tokenizer, Window, WindowLimits, Word,
};

use super::{
    text::{Span, Text},
    words::words,
};

/// Tokens that two windows share where one sentence is cut.
const OVERLAP: usize = 96;

/// A window with what leads back to the text.
#[derive(Debug)]
pub struct Piece {
    /// What the model reads.
    pub window: Window,
    /// Where each word of the window stands.
    pub words: Vec<Span>,
    /// The words that this window decides on; the others are context that it shares with a neighbour.
    pub own: Range<usize>,
    /// The parts of the text that the window decides on.
    pub segments: Vec<Span>,
    /// For each of [`Window::targets`], its index in the document's list of targets.
    pub targets: Vec<usize>,
    /// For each of [`Window::watched`], its index in the document's list of watched spans.
    pub watched: Vec<usize>,
    /// For each of [`Window::sentences`], its index in the document's list of sentences and its number of words.
    pub sentences: Vec<(usize, usize)>,
}

/// What windows are made for.
#[derive(Debug, Clone, Default)]
pub struct Purpose {
    /// The heads to compute.
    pub heads: Heads,
    /// Spans to judge in place of mentions that the model finds, ascending.
    pub targets: Option<Arc<Vec<Span>>>,
    /// Spans to judge beside the mentions, by their starts.
    pub watched: Arc<Vec<Span>>,
}

/// Makes the windows of one document.
#[derive(Debug)]
pub struct Windower {
    text: Text,
    sentences: Arc<Vec<Span>>,
    purpose: Purpose,
    limits: WindowLimits,
    special: SpecialTokens,
    /// The next sentence to be tokenised.
    next: usize,
    /// Units of the window being filled.
    filling: Vec<Unit>,
    ready: VecDeque<Piece>,
}

/// A stretch of one line that goes into a window whole.
#[derive(Debug)]
struct Unit {
    span: Span,
    tokens: Vec<Token>,
    /// The sentences that it holds, or holds a piece of.
    sentences: Range<usize>,
    /// Bytes that this unit decides on.
    own: Range<usize>,
    /// Whether the unit starts where its line starts; if not, it follows the unit before without a separator.
    starts_line: bool,
}

impl Unit {
    /// A hash of the tokens (FNV-1a), the same in every process.
    fn hash(&self) -> u64 {
        let add =
            |hash: u64, token: &Token| (hash ^ u64::from(token.id)).wrapping_mul(0x100_0000_01b3);
        self.tokens.iter().fold(0xcbf2_9ce4_8422_2325, add)
    }
}

impl Windower {
    /// `sentences` are trimmed, in order, and cross no line break.
    pub fn new(
        text: Text,
        sentences: Arc<Vec<Span>>,
        purpose: Purpose,
        limits: WindowLimits,
        special: SpecialTokens,
    ) -> Self {
        Self {
            text,
            sentences,
            purpose,
            limits,
            special,
            next: 0,
            filling: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// The next windows, at least `wanted` unless the document ends.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`].
    pub fn next_pieces(
        &mut self,
        tokenizer: &Tokenizer,
        wanted: usize,
    ) -> Result<Vec<Piece>, ModelError> {
        while self.ready.len() < wanted && self.next < self.sentences.len() {
            self.read_line(tokenizer)?;
        }
        if self.next == self.sentences.len() {
            self.flush();
        }
        let count = wanted.min(self.ready.len());
        Ok(self.ready.drain(..count).collect())
    }

    /// Tokenises the sentences of the next line and puts them into windows.
    fn read_line(&mut self, tokenizer: &Tokenizer) -> Result<(), ModelError> {
        let first = self.next;
        let Some(&start) = self.sentences.get(first) else {
            return Ok(());
        };
        let mut last = first;
        while let Some(&following) = self.sentences.get(last + 1) {
            let between = self
                .text
                .span_around(self.sentences[last].end()..following.start());
            if self
                .text
                .slice(between)
                .contains(super::sentences::is_line_break)
            {
                break;
            }
            last += 1;
        }
        self.next = last + 1;
        let line = start.to(self.sentences[last]);
        let mut tokens = tokenizer.tokenize(self.text.slice(line))?;
        for token in &mut tokens {
            token.start += line.start() as u32;
            token.end += line.start() as u32;
        }
        if tokens.len() + 2 <= self.limits.tokens {
            self.add(Unit {
                span: line,
                tokens,
                sentences: first..last + 1,
                own: line.range(),
                starts_line: true,
            });
            return Ok(());
        }
        let mut rest = tokens.as_slice();
        for sentence in first..last + 1 {
            let (tokens, behind) = split_at_byte(rest, self.sentences[sentence].end());
            rest = behind;
            self.add_sentence(sentence, tokens, sentence == first);
        }
        Ok(())
    }

    fn add_sentence(&mut self, sentence: usize, tokens: &[Token], starts_line: bool) {
        let span = self.sentences[sentence];
        let room = self.limits.max_tokens - 2;
        if tokens.len() <= room {
            return self.add(Unit {
                span,
                tokens: tokens.to_vec(),
                sentences: sentence..sentence + 1,
                own: span.range(),
                starts_line,
            });
        }
        let cuts = cuts(tokens, room, |token| self.starts_word(token));
        for (i, cut) in cuts.iter().enumerate() {
            // Neighbours meet in the middle of what they share.
            let middle = |left: &Range<usize>, right: &Range<usize>| {
                let token = (right.start + left.end) / 2;
                tokens.get(token).map_or(span.end(), |t| t.start as usize)
            };
            let from = match i.checked_sub(1).and_then(|before| cuts.get(before)) {
                Some(before) => middle(before, cut),
                None => span.start(),
            };
            let to = cuts
                .get(i + 1)
                .map_or(span.end(), |after| middle(cut, after));
            let tokens = &tokens[cut.clone()];
            let start = if i == 0 {
                span.start()
            } else {
                tokens.first().map_or(from, |t| t.start as usize)
            };
            let end = if i + 1 == cuts.len() {
                span.end()
            } else {
                tokens.last().map_or(to, |t| t.end as usize)
            };
            self.flush();
            self.add(Unit {
                span: self.text.span_around(start..end),
                tokens: tokens.to_vec(),
                sentences: sentence..sentence + 1,
                own: from..to,
                starts_line: true,
            });
            self.flush();
        }
    }

    /// Whether a token begins behind a blank.
    fn starts_word(&self, token: &Token) -> bool {
        let before = self.text.span_around(0..token.start as usize);
        let own = self
            .text
            .span_around(token.start as usize..token.end as usize);
        self.text.slice(before).ends_with(char::is_whitespace)
            || self.text.slice(own).starts_with(char::is_whitespace)
    }

    fn add(&mut self, unit: Unit) {
        if unit.starts_line && !self.limits.joins_lines {
            self.flush();
        }
        while !self.filling.is_empty() && !self.fits(&unit) {
            self.close();
        }
        self.filling.push(unit);
    }

    fn fits(&self, unit: &Unit) -> bool {
        if unit.starts_line && !self.limits.joins_lines {
            return false;
        }
        let filled: usize = self.filling.iter().map(|u| u.tokens.len() + 1).sum();
        // Two tokens more begin and end the window.
        filled + unit.tokens.len() + 2 <= self.limits.tokens
    }

    /// Closes the window being filled: behind that unit of its second half whose content has the least hash. So a
    /// text that was changed in one place is cut as before soon behind it, and what is remembered of its other windows
    /// is of use (the idea is that of content-defined chunking: Muthitacharoen, Chen and Mazières, "A low-bandwidth
    /// network file system", SOSP 2001).
    fn close(&mut self) {
        let mut filled = 1;
        let hashes = self.filling.iter().map(|unit| {
            filled += unit.tokens.len() + 1;
            (2 * filled >= self.limits.tokens).then(|| unit.hash())
        });
        let last = hashes
            .enumerate()
            .filter_map(|(i, hash)| Some((hash?, i)))
            .min()
            .map_or(self.filling.len(), |(_, i)| i + 1);
        let rest = self.filling.split_off(last);
        self.flush();
        self.filling = rest;
    }

    /// Makes a window of all units at hand.
    fn flush(&mut self) {
        let units = std::mem::take(&mut self.filling);
        if units.is_empty() {
            return;
        }
        let mut piece = self.piece(&units);
        #[cfg(feature = "faults")]
        {
            piece.window.fault = fault(&self.text, &piece.segments);
        }
        self.set_targets(&mut piece);
        if self.purpose.heads.stance {
            let (watched, ranges) = spans_of(&piece, &self.purpose.watched);
            (piece.watched, piece.window.watched) = (watched, ranges);
        }
        self.ready.push_back(piece);
    }

    fn piece(&self, units: &[Unit]) -> Piece {
        let mut window = Window {
            tokens: vec![self.special.begin],
            heads: self.purpose.heads,
            ..Window::default()
        };
        let mut spans: Vec<Span> = Vec::new();
        let mut segments = Vec::new();
        let mut sentences = Vec::new();
        for (i, unit) in units.iter().enumerate() {
            let offset = window.tokens.len();
            window.tokens.extend(unit.tokens.iter().map(|t| t.id));
            let found = words(&self.text, unit.span);
            let starts_line = unit.starts_line || i == 0;
            push_words(&mut window.words, &found, &unit.tokens, offset, starts_line);
            for sentence in unit.sentences.clone() {
                let words = self.words_of(sentence, unit, &found);
                if !words.is_empty() {
                    let before = spans.len();
                    window
                        .sentences
                        .push(before + words.start..before + words.end);
                    sentences.push((sentence, words.len()));
                }
            }
            spans.extend(found);
            segments.push(self.text.span_around(unit.own.clone()));
            if units.get(i + 1).is_none_or(|next| next.starts_line) {
                window.tokens.push(self.special.end);
            }
        }
        let owned = |word: &Span| units.iter().any(|u| u.own.contains(&word.start()));
        let own = spans.iter().position(owned).unwrap_or(0)
            ..spans.iter().rposition(owned).map_or(0, |last| last + 1);
        Piece {
            window,
            words: spans,
            own,
            segments,
            targets: Vec::new(),
            watched: Vec::new(),
            sentences,
        }
    }

    /// The words of a unit that belong to a sentence and on which the unit decides.
    fn words_of(&self, sentence: usize, unit: &Unit, words: &[Span]) -> Range<usize> {
        let span = self.sentences[sentence];
        let (start, end) = (
            span.start().max(unit.own.start),
            span.end().min(unit.own.end),
        );
        words.partition_point(|w| w.start() < start)..words.partition_point(|w| w.start() < end)
    }

    /// Gives the window those targets that begin in the part it decides on.
    fn set_targets(&self, piece: &mut Piece) {
        let Some(targets) = &self.purpose.targets else {
            return;
        };
        let (indices, ranges) = spans_of(piece, targets);
        piece.targets = indices;
        piece.window.targets = Some(ranges);
    }
}

/// Those spans that begin in the part that a window decides on: their indices and their words.
fn spans_of(piece: &Piece, spans: &[Span]) -> (Vec<usize>, Vec<Range<usize>>) {
    let (Some(first), Some(last)) = (piece.segments.first(), piece.segments.last()) else {
        return (Vec::new(), Vec::new());
    };
    let from = spans.partition_point(|span| span.start() < first.start());
    let to = spans.partition_point(|span| span.start() < last.end());
    let of_window = spans.iter().enumerate().take(to).skip(from);
    let ranges = of_window.map(|(index, span)| {
        let start = piece.words.partition_point(|w| w.end() <= span.start());
        let end = piece.words.partition_point(|w| w.start() < span.end());
        (index, start..end)
    });
    ranges.filter(|(_, words)| !words.is_empty()).unzip()
}

/// The fault that a text asks for: `⟦panic⟧` or `⟦hang⟧`.
#[cfg(feature = "faults")]
fn fault(text: &Text, segments: &[Span]) -> Option<crate::model::Fault> {
    let asks = |mark| segments.iter().any(|&s| text.slice(s).contains(mark));
    let known = [
        ("⟦panic⟧", crate::model::Fault::Panic),
        ("⟦hang⟧", crate::model::Fault::Hang),
    ];
    known
        .into_iter()
        .find_map(|(mark, fault)| asks(mark).then_some(fault))
}

/// Adds the words of one unit whose tokens start at index `offset` of the window.
fn push_words(
    out: &mut Vec<Word>,
    found: &[Span],
    tokens: &[Token],
    offset: usize,
    starts_line: bool,
) {
    let mut first = 0;
    for (i, word) in found.iter().enumerate() {
        while tokens
            .get(first)
            .is_some_and(|t| t.end as usize <= word.start())
        {
            first += 1;
        }
        let rest = tokens.get(first..).unwrap_or(&[]);
        let count = rest
            .iter()
            .take_while(|t| (t.start as usize) < word.end())
            .count();
        out.push(Word {
            tokens: offset + first..offset + first + count,
            starts_line: starts_line && i == 0,
        });
    }
}

/// The tokens that begin before a byte, and the others.
fn split_at_byte(tokens: &[Token], byte: usize) -> (&[Token], &[Token]) {
    tokens.split_at(tokens.partition_point(|t| (t.start as usize) < byte))
}

/// Cuts a sequence of tokens into ranges of at most `room`, each sharing [`OVERLAP`] tokens with the next, or a
/// quarter of a smaller room, at tokens that may start a piece where there are some.
fn cuts(tokens: &[Token], room: usize, may_start: impl Fn(&Token) -> bool) -> Vec<Range<usize>> {
    let overlap = OVERLAP.min(room / 4);
    let mut cuts = Vec::new();
    let mut start = 0;
    loop {
        let end = start + room;
        if end >= tokens.len() {
            cuts.push(start..tokens.len());
            return cuts;
        }
        let good = |from: usize, to: usize| (from..to).rev().find(|&i| may_start(&tokens[i]));
        let end = good(start + room / 2, end + 1).unwrap_or(end);
        cuts.push(start..end);
        let earliest = end.saturating_sub(overlap).max(start + 1);
        start = good(earliest, end - overlap / 2).unwrap_or(earliest);
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::LazyLock};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::{Package, Precision},
        pipeline::sentences::sentences,
    };

    static PACKAGE: LazyLock<Package> = LazyLock::new(|| {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/base");
        Package::open(&models, Precision::Fp32).unwrap()
    });

    const READ: Heads = Heads {
        ner: true,
        stance: true,
        tone: false,
    };

    fn pieces_for(source: &str, purpose: Purpose) -> (Text, Vec<Piece>) {
        pieces_within(source, purpose, PACKAGE.windows())
    }

    fn pieces_within(source: &str, purpose: Purpose, limits: WindowLimits) -> (Text, Vec<Piece>) {
        let text = Text::new(source).unwrap();
        let sentences = Arc::new(sentences(&text, "de"));
        let mut windower = Windower::new(
            text.clone(),
            sentences,
            purpose,
            limits,
            PACKAGE.special_tokens(),
        );
        let mut pieces = Vec::new();
        loop {
            let some = windower.next_pieces(PACKAGE.tokenizer(), 4).unwrap();
            let done = some.len() < 4;
            pieces.extend(some);
            if done {
                return (text, pieces);
            }
        }
    }

    fn pieces(source: &str) -> (Text, Vec<Piece>) {
        let heads = READ;
        pieces_for(
            source,
            Purpose {
                heads,
                ..Purpose::default()
            },
        )
    }

    fn check(text: &Text, pieces: &[Piece]) {
        check_within(text, pieces, PACKAGE.windows());
    }

    fn check_within(text: &Text, pieces: &[Piece], limits: WindowLimits) {
        let mut covered = 0;
        let mut decided = None;
        for piece in pieces {
            let tokens = piece.window.tokens.len();
            assert!((2..=limits.max_tokens).contains(&tokens), "{tokens} tokens");
            assert_eq!(piece.window.words.len(), piece.words.len());
            for word in &piece.window.words {
                assert!(
                    word.tokens.start >= 1 && word.tokens.end < tokens,
                    "{word:?} of {tokens}"
                );
            }
            for segment in &piece.segments {
                assert!(segment.start() >= covered, "segments overlap");
                let between = text.slice(text.span_around(covered..segment.start()));
                assert!(
                    between.chars().all(char::is_whitespace),
                    "{between:?} is in no window"
                );
                covered = segment.end();
            }
            for word in piece.words.get(piece.own.clone()).unwrap() {
                assert!(decided < Some(word.start()), "decided on twice: {word:?}");
                decided = Some(word.start());
                assert!(
                    piece
                        .segments
                        .iter()
                        .any(|s| s.range().contains(&word.start()))
                );
            }
        }
        let rest = text.slice(text.span_around(covered..text.len()));
        assert!(
            rest.chars().all(char::is_whitespace),
            "{rest:?} is in no window"
        );
    }

    #[test]
    fn short_lines_share_a_window_and_each_is_closed_by_a_separator() {
        let (text, pieces) = pieces("Überschrift\nErster Satz. Zweiter Satz.\n\nDritter.");
        check(&text, &pieces);
        assert_eq!(pieces.len(), 1);
        let end = PACKAGE.special_tokens().end;
        assert_eq!(
            pieces[0]
                .window
                .tokens
                .iter()
                .filter(|&&t| t == end)
                .count(),
            3
        );
        let starts: Vec<&str> = pieces[0]
            .words
            .iter()
            .zip(&pieces[0].window.words)
            .filter(|(_, word)| word.starts_line)
            .map(|(span, _)| text.slice(*span))
            .collect();
        assert_eq!(starts, ["Überschrift", "Erster", "Dritter"]);
    }

    #[test]
    fn a_long_line_is_cut_between_sentences_only() {
        let source = "Die Stadtwerke Holmfeld haben am Montag neue Busse vorgestellt. ".repeat(40);
        let (text, pieces) = pieces(source.trim_end());
        check(&text, &pieces);
        assert!(pieces.len() > 3);
        for piece in &pieces {
            let segments = piece.segments.iter().map(|s| text.slice(*s));
            assert!(
                segments
                    .clone()
                    .all(|s| s.starts_with("Die Stadtwerke") && s.ends_with("vorgestellt."))
            );
            assert!(piece.window.tokens.len() <= PACKAGE.windows().tokens);
        }
    }

    #[test]
    fn sentences_of_one_line_have_no_separator_between_them() {
        let source = "Die Stadtwerke Holmfeld haben am Montag neue Busse vorgestellt. ".repeat(40);
        let (_, pieces) = pieces(source.trim_end());
        let end = PACKAGE.special_tokens().end;
        for piece in pieces {
            assert_eq!(piece.window.tokens.iter().filter(|&&t| t == end).count(), 1);
        }
    }

    #[test]
    fn a_sentence_that_is_too_long_is_cut_between_words_with_an_overlap() {
        let source = "Anna Berger und ".repeat(400);
        let (text, pieces) = pieces(source.trim_end());
        check(&text, &pieces);
        assert!(pieces.len() > 1);
        for pair in pieces.windows(2) {
            let (left, right) = (&pair[0].words, &pair[1].words);
            assert!(
                right[0].start() < left[left.len() - 1].start(),
                "no overlap"
            );
            assert!(["Anna", "Berger", "und"].contains(&text.slice(right[0])));
        }
    }

    #[test]
    fn a_change_in_one_place_leaves_most_windows_as_they_were() {
        let lines: Vec<String> = (0..60)
            .map(|day| format!("Am {day}. Tag hat die Reederei Ostwind aus Kiel {day} Schiffe nach Riga geschickt."))
            .collect();
        let tokens = |lines: &[String]| -> Vec<Vec<u32>> {
            let (text, pieces) = pieces(&lines.join("\n"));
            check(&text, &pieces);
            pieces.into_iter().map(|p| p.window.tokens).collect()
        };
        let before = tokens(&lines);
        for place in [0, 1, 17, 30, 58] {
            for change in ["another line", "a line more", "a line less"] {
                let mut changed = lines.clone();
                match change {
                    "another line" => {
                        changed[place] = "Der Hafen von Kiel ist gesperrt.".to_owned()
                    }
                    "a line more" => {
                        changed.insert(place, "Der Hafen von Kiel ist gesperrt.".to_owned())
                    }
                    _ => _ = changed.remove(place),
                }
                let after = tokens(&changed);
                let same = after.iter().filter(|w| before.contains(w)).count();
                assert!(
                    same + 4 >= after.len(),
                    "{change} at {place}: {same} of {} windows as before",
                    after.len()
                );
            }
        }
    }

    #[test]
    fn targets_are_given_to_the_window_that_holds_them() {
        let source = format!(
            "Kahl lobt Weber.\n{}\nBrandt schweigt.",
            "Füllsatz ohne Namen. ".repeat(60)
        );
        let text = Text::new(source.as_str()).unwrap();
        let spans: Vec<Span> = ["Kahl", "Weber", "Brandt"]
            .map(|name| {
                source
                    .find(name)
                    .map(|at| text.span(at..at + name.len()).unwrap())
                    .unwrap()
            })
            .to_vec();
        let purpose = Purpose {
            heads: READ,
            targets: Some(Arc::new(spans)),
            ..Purpose::default()
        };
        let (text, pieces) = pieces_for(&source, purpose);
        check(&text, &pieces);
        let given: Vec<(usize, String)> = pieces
            .iter()
            .flat_map(|piece| {
                piece
                    .targets
                    .iter()
                    .zip(piece.window.targets.as_ref().unwrap())
                    .map(|(&i, words)| (i, text.slice(piece.words[words.start]).to_owned()))
            })
            .collect();
        assert_eq!(
            given,
            [
                (0, "Kahl".into()),
                (1, "Weber".into()),
                (2, "Brandt".into())
            ]
        );
    }

    #[test]
    fn every_sentence_stands_in_a_window_with_its_words() {
        let source = "Das ist schön. Das nicht.\nEin Ende.";
        let (text, pieces) = pieces(source);
        assert_eq!(pieces.len(), 1);
        let shown: Vec<(usize, &str)> = pieces[0]
            .sentences
            .iter()
            .zip(&pieces[0].window.sentences)
            .map(|(&(sentence, _), words)| {
                let words = &pieces[0].words[words.clone()];
                let span = words[0].to(words[words.len() - 1]);
                (sentence, text.slice(span))
            })
            .collect();
        assert_eq!(
            shown,
            [(0, "Das ist schön."), (1, "Das nicht."), (2, "Ein Ende.")]
        );
    }

    #[test]
    fn the_pieces_of_a_sentence_share_none_of_its_words() {
        let source = "Anna Berger und ".repeat(400);
        let (text, pieces) = pieces(source.trim_end());
        let mut counted = 0;
        for piece in &pieces {
            let own = piece.window.sentences[0].len();
            assert_eq!(piece.sentences, [(0, own)]);
            counted += own;
        }
        assert_eq!(counted, words(&text, text.span_around(0..text.len())).len());
    }

    #[test]
    fn hostile_texts_are_read_whole() {
        for source in [
            "a".repeat(100_000),
            "ä".repeat(100_000),
            "\u{301}".repeat(5_000),
            "👨‍👩‍👧‍👦".repeat(2_000),
            "\0".repeat(3_000),
            "שלום עולם ".repeat(500),
            "ﷺ".repeat(2_000),
            "漢字".repeat(3_000),
            "a\r\nb\r\n".repeat(2_000),
            ". ".repeat(5_000),
            "\u{feff}\u{200b}\u{2060} x".to_owned(),
            " \n\t ".to_owned(),
        ] {
            let (text, pieces) = pieces(&source);
            check(&text, &pieces);
        }
    }

    proptest! {
        #[test]
        fn every_character_is_in_exactly_one_window(source in any::<String>()) {
            let (text, pieces) = pieces(&source);
            check(&text, &pieces);
        }

        #[test]
        fn every_character_of_a_long_text_is_in_exactly_one_window(
            parts in prop::collection::vec("[a-zäöüß]{1,12}[ .,\n\u{308}]{1,2}", 0..900)
        ) {
            let (text, pieces) = pieces(&parts.concat());
            check(&text, &pieces);
        }

        #[test]
        fn whatever_the_limits_each_word_is_decided_on_once(
            parts in prop::collection::vec("([a-zäöüß\u{308}\u{200d}\u{202e}]{1,30}|\\PC)[ .,\r\n]{0,2}", 0..150),
            (max_tokens, tokens) in (8..=512_usize).prop_flat_map(|max| (Just(max), 8..=max)),
        ) {
            let limits = WindowLimits {
                max_tokens,
                tokens,
                joins_lines: true,
            };
            let (text, pieces) = pieces_within(&parts.concat(), Purpose { heads: READ, ..Purpose::default() }, limits);
            check_within(&text, &pieces, limits);
            let mut decided = pieces.iter().flat_map(|piece| &piece.words[piece.own.clone()]);
            for word in words(&text, text.whole()) {
                prop_assert!(decided.any(|d| d.start() == word.start()), "{:?} is lost", word);
            }
        }
    }
}
