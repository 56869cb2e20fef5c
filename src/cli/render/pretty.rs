//! The pretty format: the article wrapped to the terminal, its mentions in colour, and a table of entities.
//!
//! It reads without colours too: then brackets show where a mention begins and ends.

use std::io::{self, Write};

use anstyle::{Ansi256Color, Color, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{
    Annotated, Holder, Piece, TYPES, percent, polarity_mark, polarity_word, score, tones, type_tag,
    type_word,
};
use crate::proto::tagwerk::v1::{Entity, EntityType, Polarity, StanceRelation, TaggedDocument};

const MARGIN: &str = "  ";
/// Columns of the longest name beside a stance or a quotation.
const NAME_COLUMNS: usize = 28;
/// Columns of the longest name in the table.
const TABLE_NAME_COLUMNS: usize = 44;
const BAR_CELLS: usize = 10;

/// Writes documents in the pretty format.
pub struct Pretty {
    /// Columns of a line, the margin included.
    width: usize,
    palette: Palette,
    /// Documents written so far.
    count: u64,
}

impl Pretty {
    /// A writer for lines of `width` columns.
    pub fn new(width: usize, coloured: bool) -> Self {
        Self {
            width,
            palette: Palette { coloured },
            count: 0,
        }
    }

    /// Writes one document.
    pub fn document(&mut self, out: &mut impl Write, annotated: &Annotated) -> io::Result<()> {
        let mut page = Page::new(self.width);
        self.heading(&mut page, annotated.tagged);
        self.article(&mut page, annotated);
        self.rule(&mut page);
        if self.count == 0 {
            self.legend(&mut page);
        }
        self.entities(&mut page, annotated.tagged);
        self.facts(&mut page, annotated.tagged);
        page.end_line();
        self.count += 1;
        out.write_all(page.out.as_bytes())
    }

    fn heading(&self, page: &mut Page, tagged: &TaggedDocument) {
        page.empty_line();
        page.push(self.palette.dim(), &tagged.id);
        page.end_line();
        self.rule(page);
    }

    fn rule(&self, page: &mut Page) {
        let columns = self.width.saturating_sub(2 * MARGIN.len()).max(1);
        page.push(self.palette.dim(), &"─".repeat(columns));
        page.end_line();
        page.empty_line();
    }

    fn article(&self, page: &mut Page, annotated: &Annotated) {
        let spaced = annotated.has_empty_lines();
        let mut separated = true;
        for line in annotated.lines() {
            if line.is_empty() {
                if spaced && !separated {
                    page.empty_line();
                    separated = true;
                }
                continue;
            }
            let headline = annotated.is_headline(&line);
            for (at, piece) in line.iter().enumerate() {
                let next = line.get(at + 1).map_or("", |next| next.text);
                self.piece(page, annotated, piece, headline);
                if piece.ends_mention {
                    self.mention_end(page, annotated, piece, next);
                }
                if piece.ends_quote {
                    self.quote_end(page, annotated, piece);
                }
            }
            page.end_line();
            separated = !spaced || headline;
            if separated {
                page.empty_line();
            }
        }
        if !separated {
            page.empty_line();
        }
    }

    fn piece(&self, page: &mut Page, annotated: &Annotated, piece: &Piece, headline: bool) {
        let palette = self.palette;
        let mut style = palette.plain();
        if piece.quote.is_some() {
            style = palette.quote();
        }
        let mentions = &annotated.tagged.mentions;
        if let Some(mention) = piece.mention.and_then(|index| mentions.get(index)) {
            let effects = style.get_effects();
            style = palette.entity(mention.r#type());
            style = style.effects(style.get_effects() | effects);
            if piece.begins_mention {
                page.push(palette.plain(), palette.open());
            }
        }
        if headline {
            style = palette.bold(style);
        }
        page.text(style, piece.text);
    }

    /// Writes the type and the stances behind a mention. Where the word goes on (`US-Senat`), stances without
    /// brackets around them wait for its end.
    fn mention_end(&self, page: &mut Page, annotated: &Annotated, piece: &Piece, next: &str) {
        let palette = self.palette;
        let mention = piece.mention.and_then(|index| {
            let mention = annotated.tagged.mentions.get(index)?;
            Some((index, mention))
        });
        let Some((index, mention)) = mention else {
            return;
        };
        let entity_type = mention.r#type();
        page.push(palette.hue(entity_type), palette.tag_text(entity_type));
        let goes_on = next.starts_with(|c: char| c.is_alphanumeric() || "-‐‑".contains(c));
        for stance in annotated.stances_on(index) {
            let style = palette.polarity(stance.polarity());
            let badge = stance_badge(annotated, stance);
            if palette.coloured && goes_on {
                page.push_behind_word(style, &badge);
            } else {
                page.space();
                page.push(style, &badge);
            }
        }
        page.push(palette.plain(), palette.close());
    }

    fn quote_end(&self, page: &mut Page, annotated: &Annotated, piece: &Piece) {
        let quotes = &annotated.tagged.quotes;
        let Some(quote) = piece.quote.and_then(|index| quotes.get(index)) else {
            return;
        };
        let badge = match annotated.speaker(quote) {
            Holder::Mention(_, speaker) => {
                format!("{{says {}}}", short(annotated.name(speaker), NAME_COLUMNS))
            }
            Holder::Author => "{author}".to_owned(),
            Holder::Unnamed => "{unnamed}".to_owned(),
        };
        page.space();
        page.push(self.palette.dim(), &badge);
    }

    fn legend(&self, page: &mut Page) {
        let palette = self.palette;
        let types = TYPES.map(|entity_type| {
            let style = palette.entity(entity_type);
            (style, type_tag(entity_type), type_word(entity_type))
        });
        let polarities = [Polarity::Favorable, Polarity::Unfavorable].map(|polarity| {
            let style = palette.polarity(polarity);
            (style, polarity_mark(polarity), polarity_word(polarity))
        });
        for (style, mark, word) in types.into_iter().chain(polarities) {
            page.space();
            if page.column > 0 {
                match page.has_room(mark.width() + word.width() + 4) {
                    true => page.push(palette.plain(), "  "),
                    false => page.end_line(),
                }
            }
            page.push(style, mark);
            page.push(palette.plain(), &format!(" {word}"));
        }
        page.end_line();
        page.empty_line();
    }

    fn entities(&self, page: &mut Page, tagged: &TaggedDocument) {
        let Some(columns) = NameColumns::of(&tagged.entities, self.width) else {
            return;
        };
        let stances = tagged.entities.iter().any(|entity| entity.stance.is_some());
        let heading = format!(
            "{}  Type  Mentions  {}{}",
            pad("Entity", columns.0),
            pad("Salience", BAR_CELLS + 8),
            if stances { "Stance" } else { "" }
        );
        page.push(self.palette.dim(), heading.trim_end());
        page.end_line();
        let largest = tagged.entities.iter().map(|entity| entity.salience);
        let largest = largest.fold(0.0, f32::max);
        for entity in &tagged.entities {
            self.entity(page, entity, columns.0, largest);
        }
        page.empty_line();
    }

    fn entity(&self, page: &mut Page, entity: &Entity, columns: usize, largest: f32) {
        let palette = self.palette;
        let name = short(&entity.name, columns);
        page.push(palette.entity(entity.r#type()), &name);
        let gap = columns.saturating_sub(name.width()) + 2;
        page.push(palette.plain(), &" ".repeat(gap));
        let counts = format!(
            "{:<4}  {:>8}  ",
            type_tag(entity.r#type()),
            entity.mentions.len()
        );
        page.push(palette.plain(), &counts);
        page.push(
            palette.entity(entity.r#type()),
            &bar(entity.salience, largest),
        );
        page.push(
            palette.plain(),
            &format!(" {:>5}", percent(entity.salience)),
        );
        if let Some(stance) = &entity.stance {
            let polarity = stance.polarity();
            let counts = [
                (Polarity::Favorable, stance.favorable_count),
                (Polarity::Unfavorable, stance.unfavorable_count),
            ];
            if counts.iter().any(|(_, count)| *count > 0) {
                page.push(palette.plain(), "  ");
                page.push(
                    palette.polarity(polarity),
                    &format!("{:>5}", score(stance.score)),
                );
            }
            for (polarity, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
                page.push(palette.plain(), "  ");
                let count = format!("{count} {}", polarity_mark(polarity));
                page.push(palette.polarity(polarity), &count);
            }
        }
        page.end_line();
    }

    fn facts(&self, page: &mut Page, tagged: &TaggedDocument) {
        let palette = self.palette;
        let language = match tagged.language_probability {
            given if given >= 1.0 => tagged.language.clone(),
            detected => format!("{} ({})", tagged.language, percent(detected)),
        };
        let mut facts = vec![(palette.plain(), format!("Language {language}"))];
        if let Some(sentiment) = &tagged.sentiment {
            let polarity = sentiment.polarity();
            let [favorable, neutral, unfavorable] = tones(tagged);
            facts.push((
                palette.polarity(polarity),
                format!(
                    "Sentiment {} {}",
                    polarity_word(polarity),
                    score(sentiment.score)
                ),
            ));
            facts.push((
                palette.plain(),
                format!("Sentences {favorable} ▲ {neutral} ● {unfavorable} ▼"),
            ));
        }
        if let Some(coverage) = &tagged.coverage {
            let read = match coverage.bytes_read == coverage.bytes_total {
                true => format!("{} bytes", coverage.bytes_total),
                false => format!("{} of {} bytes", coverage.bytes_read, coverage.bytes_total),
            };
            let plural = if coverage.windows == 1 { "" } else { "s" };
            let windows = format!("{} window{plural}, {read}", coverage.windows);
            facts.push((palette.plain(), windows));
        }
        if let Some(model) = &tagged.model {
            let fingerprint: String = model.fingerprint.chars().take(12).collect();
            let model = format!("Model {} {} ({fingerprint})", model.name, model.version);
            facts.push((palette.plain(), model));
        }
        for (style, fact) in &facts {
            page.space();
            if page.column > 0 {
                // The dot stands between two facts on a line, never at its end.
                match page.has_room(fact.as_str().width() + " · ".width()) {
                    true => page.push(palette.dim(), "·"),
                    false => page.end_line(),
                }
                page.space();
            }
            page.push(*style, fact);
        }
    }
}

fn stance_badge(annotated: &Annotated, stance: &StanceRelation) -> String {
    let mark = polarity_mark(stance.polarity());
    match annotated.holder(stance) {
        Holder::Mention(_, holder) => {
            format!("{mark} by {}", short(annotated.name(holder), NAME_COLUMNS))
        }
        Holder::Author => format!("{mark} author"),
        Holder::Unnamed => format!("{mark} unnamed"),
    }
}

/// Columns of the first column of the table.
struct NameColumns(usize);

impl NameColumns {
    /// As many as the longest name needs and the width leaves; `None` where there is no entity.
    fn of(entities: &[Entity], width: usize) -> Option<Self> {
        let longest = entities
            .iter()
            .map(|entity| visible(&entity.name).as_str().width())
            .max()?;
        let others = MARGIN.len() + 2 + 6 + 10 + BAR_CELLS + 8 + 16;
        let room = width.saturating_sub(others).clamp(8, TABLE_NAME_COLUMNS);
        Some(Self(longest.clamp("Entity".len(), room)))
    }
}

fn pad(text: &str, columns: usize) -> String {
    let gap = columns.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(gap))
}

/// A bar whose length is a share of the largest, in eighths of a cell.
fn bar(value: f32, largest: f32) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let share = match largest > 0.0 {
        true => (value / largest).clamp(0.0, 1.0),
        false => 0.0,
    };
    // A value that is no number counts as nothing: the cast makes it 0.
    let eighths = (share * (BAR_CELLS * 8) as f32).round() as usize;
    let mut bar = "█".repeat((eighths / 8).min(BAR_CELLS));
    if eighths / 8 < BAR_CELLS {
        bar.extend(EIGHTHS.get(eighths % 8));
    }
    pad(&bar, BAR_CELLS)
}

/// A name without control characters, on one line, cut to a number of columns.
fn short(name: &str, columns: usize) -> String {
    // Enough to fill the columns, so that a name of a megabyte costs nothing.
    let head: String = name.chars().take(4 * columns).collect();
    let complete = head.len() == name.len();
    let head = visible(&head);
    if complete && head.width() <= columns {
        return head;
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in head.chars() {
        used += c.width().unwrap_or(0);
        if used >= columns {
            break;
        }
        cut.push(c);
    }
    format!("{}…", cut.trim_end())
}

/// The text with pictures in place of control characters, which a terminal would obey, and blanks in place of
/// line breaks.
pub fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
            '\u{7f}' => '\u{2421}',
            c if c.is_control() => '\u{fffd}',
            // Separators that terminals break lines at.
            '\u{2028}' | '\u{2029}' => ' ',
            c => c,
        })
        .collect()
}

/// The styles of one document.
#[derive(Debug, Clone, Copy)]
struct Palette {
    coloured: bool,
}

impl Palette {
    /// Middle tones of the 256 colours read well on light and on dark backgrounds.
    fn colour(self, index: u8) -> Style {
        match self.coloured {
            true => Style::new().fg_color(Some(Color::Ansi256(Ansi256Color(index)))),
            false => Style::new(),
        }
    }

    fn plain(self) -> Style {
        Style::new()
    }

    fn dim(self) -> Style {
        self.colour(245)
    }

    fn quote(self) -> Style {
        match self.coloured {
            true => Style::new().italic(),
            false => Style::new(),
        }
    }

    fn bold(self, style: Style) -> Style {
        match self.coloured {
            true => style.bold(),
            false => style,
        }
    }

    fn hue(self, entity_type: EntityType) -> Style {
        self.colour(match entity_type {
            EntityType::Person => 33,
            EntityType::Organization => 133,
            EntityType::Location => 172,
            EntityType::Miscellaneous | EntityType::Unspecified => 37,
        })
    }

    fn entity(self, entity_type: EntityType) -> Style {
        let effects = self.bold(Style::new()).get_effects();
        self.hue(entity_type).effects(effects)
    }

    fn polarity(self, polarity: Polarity) -> Style {
        match polarity {
            Polarity::Favorable => self.colour(35),
            Polarity::Unfavorable => self.colour(167),
            Polarity::Neutral | Polarity::Unspecified => self.plain(),
        }
    }

    fn open(self) -> &'static str {
        if self.coloured { "" } else { "[" }
    }

    fn close(self) -> &'static str {
        if self.coloured { "" } else { "]" }
    }

    fn tag_text(self, entity_type: EntityType) -> &'static str {
        match (self.coloured, entity_type) {
            (true, EntityType::Person) => "ᴾᴱᴿ",
            (true, EntityType::Organization) => "ᴼᴿᴳ",
            (true, EntityType::Location) => "ᴸᴼᶜ",
            (true, EntityType::Miscellaneous | EntityType::Unspecified) => "ᴹᴵˢᶜ",
            (false, EntityType::Person) => "·PER",
            (false, EntityType::Organization) => "·ORG",
            (false, EntityType::Location) => "·LOC",
            (false, EntityType::Miscellaneous | EntityType::Unspecified) => "·MISC",
        }
    }
}

/// Lines that are filled word by word.
struct Page {
    out: String,
    /// The last column that may be used.
    width: usize,
    /// Columns used on the current line; 0 where nothing is written yet, not even the margin.
    column: usize,
    /// The word that is being put together, in runs of one style.
    word: Vec<(Style, String)>,
    /// Words that follow once this one is complete.
    behind_word: Vec<(Style, String)>,
}

impl Page {
    fn new(width: usize) -> Self {
        Self {
            out: String::new(),
            // A word of one wide character has to fit.
            width: width.saturating_sub(MARGIN.len()).max(MARGIN.len() + 2),
            column: 0,
            word: Vec::new(),
            behind_word: Vec::new(),
        }
    }

    /// Adds to the word.
    fn push(&mut self, style: Style, text: &str) {
        if !text.is_empty() {
            self.word.push((style, visible(text)));
        }
    }

    /// Adds a word of its own behind the present one.
    fn push_behind_word(&mut self, style: Style, text: &str) {
        self.behind_word.push((style, visible(text)));
    }

    /// Whether so many more columns fit on the line.
    fn has_room(&self, columns: usize) -> bool {
        self.column + columns <= self.width
    }

    /// Adds running text, in which blanks part words. No-break spaces do not.
    fn text(&mut self, style: Style, text: &str) {
        let is_blank =
            |c: char| c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{202f}' | '\u{2007}');
        let mut parts = text.split(is_blank);
        if let Some(first) = parts.next() {
            self.push(style, first);
        }
        for part in parts {
            self.space();
            self.push(style, part);
        }
    }

    /// Ends the word and those that wait behind it.
    fn space(&mut self) {
        self.put_word();
        for waiting in std::mem::take(&mut self.behind_word) {
            self.word.push(waiting);
            self.put_word();
        }
    }

    /// Puts the word on the line, or on the next where it does not fit.
    fn put_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let width: usize = self.word.iter().map(|(_, run)| run.as_str().width()).sum();
        if self.column > 0 && !self.has_room(1 + width) {
            self.wrap();
        }
        if self.column > 0 {
            self.out.push(' ');
            self.column += 1;
        } else {
            self.indent();
        }
        let word = std::mem::take(&mut self.word);
        let fits = self.has_room(width);
        for (style, run) in word {
            self.out.push_str(&style.render().to_string());
            match fits {
                true => self.out.push_str(&run),
                false => self.break_hard(style, &run),
            }
            self.out.push_str(&style.render_reset().to_string());
        }
        if fits {
            self.column += width;
        }
    }

    /// Writes a run over as many lines as it takes.
    fn break_hard(&mut self, style: Style, run: &str) {
        for c in run.chars() {
            let columns = c.width().unwrap_or(0);
            if !self.has_room(columns) {
                self.out.push_str(&style.render_reset().to_string());
                self.wrap();
                self.indent();
                self.out.push_str(&style.render().to_string());
            }
            self.out.push(c);
            self.column += columns;
        }
    }

    fn indent(&mut self) {
        self.out.push_str(MARGIN);
        self.column = MARGIN.len();
    }

    fn wrap(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn end_line(&mut self) {
        self.space();
        if self.column > 0 {
            self.wrap();
        }
    }

    fn empty_line(&mut self) {
        self.end_line();
        self.out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Format, Renderer,
        tests::{example, render},
    };
    use super::*;
    use proptest::prelude::*;

    /// The lines that a text gives in a number of columns, without the margin.
    fn wrapped(text: &str, width: usize) -> Vec<String> {
        let mut page = Page::new(width);
        page.text(Style::new(), text);
        page.end_line();
        let lines = page.out.lines();
        lines
            .map(|line| line.strip_prefix(MARGIN).unwrap_or(line).to_owned())
            .collect()
    }

    #[test]
    fn without_colours_brackets_and_braces_show_what_belongs_together() {
        let (text, tagged) = example();
        let expected = "
  a.txt
  ────────────────────────────────────────────────────────────────────────────

  Streit in [Köln·LOC]

  „Ein Trauerspiel“ {says Ada Brehm}, sagte [Ada Brehm·PER] über die [Nordwind
  AG·ORG ▼ by Ada Brehm].

  ────────────────────────────────────────────────────────────────────────────

  PER person   ORG organisation   LOC place   MISC other name   ▲ favourable
  ▼ unfavourable

  Entity       Type  Mentions  Salience          Stance
  Nordwind AG  ORG          1  ██████████  50 %  −0.82  1 ▼
  Ada Brehm    PER          1  ██████      30 %
  Köln         LOC          1  ████        20 %

  Language de (99 %) · Sentiment unfavourable −0.40 · Sentences 0 ▲ 0 ● 1 ▼
  1 window, 77 bytes · Model small 1.0.0 (0123456789ab)
";
        let shown = render(Format::Pretty, 80, &[(&text, &tagged)]);
        assert_eq!(shown.replace('\u{a0}', " "), expected, "{shown}");
    }

    #[test]
    fn with_colours_they_take_the_place_of_the_brackets() {
        let (text, tagged) = example();
        let mut out = Vec::new();
        let mut renderer = Renderer::new(Format::Pretty, 80, true);
        renderer.document(&mut out, &text, &tagged).unwrap();
        let shown = String::from_utf8(out).unwrap();
        let expected = "\u{1b}[1m\u{1b}[38;5;172mKöln\u{1b}[0m\u{1b}[38;5;172mᴸᴼᶜ\u{1b}[0m";
        // The headline is bold as a whole.
        assert!(shown.contains(expected), "{shown:?}");
        assert!(!shown.contains('['.to_string().repeat(2).as_str()));
        assert!(
            shown.contains("\u{1b}[38;5;167m▼ by Ada Brehm\u{1b}[0m"),
            "{shown:?}"
        );
    }

    #[test]
    fn the_legend_is_printed_once() {
        let (text, tagged) = example();
        let shown = render(Format::Pretty, 80, &[(&text, &tagged), (&text, &tagged)]);
        assert_eq!(shown.matches("PER person").count(), 1);
        assert_eq!(shown.matches("Language de").count(), 2);
    }

    #[test]
    fn a_stance_in_colour_waits_for_the_end_of_a_compound() {
        let text = "Die Nordwind-Aktie fiel.";
        let (_, mut tagged) = example();
        tagged.quotes.clear();
        tagged.mentions.truncate(1);
        tagged.mentions[0].span = Some(super::super::tests::find(text, "Nordwind"));
        tagged.stances[0].target = 0;
        tagged.stances[0].holder = None;
        let show = |coloured| {
            let mut out = Vec::new();
            let mut renderer = Renderer::new(Format::Pretty, 80, coloured);
            renderer.document(&mut out, text, &tagged).unwrap();
            let shown = String::from_utf8(out).unwrap();
            // Only what is visible.
            let parts = shown.split('\u{1b}').enumerate();
            parts
                .map(|(index, part)| match index {
                    0 => part,
                    _ => part.split_once('m').map_or("", |(_, visible)| visible),
                })
                .collect::<String>()
        };
        assert!(
            show(true).contains("Die Nordwindᴸᴼᶜ-Aktie ▼ unnamed fiel."),
            "{}",
            show(true)
        );
        assert!(
            show(false).contains("Die [Nordwind·LOC ▼ unnamed]-Aktie fiel."),
            "{}",
            show(false)
        );
    }

    #[test]
    fn lines_are_filled_by_columns_not_by_characters() {
        for (text, width, expected) in [
            ("eins zwei drei", 13, vec!["eins zwei", "drei"]),
            ("eins  \t zwei", 20, vec!["eins zwei"]),
            ("10\u{a0}000 Euro", 10, vec!["10\u{a0}000", "Euro"]),
            ("東京 大阪 京都", 13, vec!["東京 大阪", "京都"]),
            (
                "u\u{308}ber u\u{308}ber",
                13,
                vec!["u\u{308}ber u\u{308}ber"],
            ),
            ("abcdefghij", 8, vec!["abcd", "efgh", "ij"]),
            ("東京大阪", 7, vec!["東", "京", "大", "阪"]),
            (
                "u\u{308}u\u{308}u\u{308}",
                6,
                vec!["u\u{308}u\u{308}", "u\u{308}"],
            ),
        ] {
            assert_eq!(wrapped(text, width), expected, "{text:?}");
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(
            visible("a\u{1b}[31mb\0\u{7f}\u{9b}c\nd"),
            "a␛[31mb␀␡\u{fffd}c d"
        );
    }

    #[test]
    fn long_names_are_cut_by_columns() {
        for (name, columns, expected) in [
            ("Ada Brehm", 9, "Ada Brehm"),
            ("Ada Brehm", 8, "Ada Bre…"),
            ("Ada Brehm", 5, "Ada…"),
            ("東京都庁", 5, "東京…"),
            ("", 5, ""),
        ] {
            assert_eq!(short(name, columns), expected);
        }
    }

    #[test]
    fn bars_are_shares_of_the_largest() {
        for (value, largest, expected) in [
            (1.0, 1.0, "██████████"),
            (0.25, 0.5, "█████     "),
            (0.1, 0.8, "█▎        "),
            (0.0, 1.0, "          "),
            (0.5, 0.0, "          "),
            (f32::NAN, 1.0, "          "),
        ] {
            assert_eq!(bar(value, largest), expected);
        }
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_page(text in "(\\PC|[ \u{301}äあ])*", width in 6usize..60) {
            for line in wrapped(&text, width) {
                let columns: usize = line.chars().map(|c| c.width().unwrap_or(0)).sum();
                // What is wider than its characters' sum is one sequence that the terminal may draw as one.
                prop_assert!(columns.min(line.as_str().width()) <= width - 2 * MARGIN.len(), "{line:?}");
            }
        }

        #[test]
        fn wrapping_loses_nothing_but_blanks(text in "(\\PC|[ \u{301}äあ])*", width in 6usize..60) {
            let strip = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(strip(&wrapped(&text, width).concat()), strip(&visible(&text)));
        }
    }
}
