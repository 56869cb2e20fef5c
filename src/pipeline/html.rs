//! The text that an HTML page shows, and where in the page each of its characters stands.
//!
//! Tags make no text: block elements and `<br>` break lines, any other tag is as if it were not there, so that a name
//! that is set in two ways is one name. References such as `&uuml;` are the characters that they stand for. Blanks
//! and line breaks in the source are one blank, but for `<pre>`. What a page keeps for its machinery is left out:
//! scripts, styles, templates, drawings, its title.

use html5gum::{Emitter, Error, State, Tokenizer};

use super::text::Text;

/// Elements that begin and end a line.
#[rustfmt::skip]
const BLOCKS: [&str; 56] = [
    "address", "article", "aside", "blockquote", "body", "button", "caption", "center", "dd", "details", "dialog",
    "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "frameset", "h1", "h2", "h3", "h4",
    "h5", "h6", "head", "header", "hgroup", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "optgroup",
    "option", "p", "pre", "search", "section", "select", "summary", "table", "tbody", "td", "tfoot", "th", "thead",
    "tr", "ul", "br", "listing",
];

/// Elements that hold other elements of which nothing is text.
const HIDDEN: [&str; 3] = ["math", "svg", "template"];

/// The text of a page.
#[derive(Debug)]
pub struct Html {
    text: Text,
    pieces: Vec<Piece>,
}

/// Where a piece of the text comes from; it ends where the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    /// Its first byte in the text.
    text: usize,
    /// The byte in the source that it comes from.
    source: usize,
    /// Whether it stands there character by character, or all of it comes from one place.
    is_verbatim: bool,
}

impl Html {
    /// Reads a page, or gives `None` where its text has offsets that do not fit 32 bits: a few references are shorter
    /// than what they stand for. Anything is a page: what is wrong in it is read as browsers read it.
    pub fn read(source: &Text) -> Option<Self> {
        let mut reader = Reader::new(source.as_str());
        // Reading from memory does not fail, and the reader yields no tokens.
        for token in Tokenizer::new_with_emitter(source.as_str(), &mut reader) {
            let Ok(()) = token;
        }
        let Reader { text, pieces, .. } = reader;
        let text = String::from_utf8(text)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        let text = Text::new(text)?;
        Some(Self { text, pieces })
    }

    /// The text.
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// The byte of the source at which a byte of the text stands; of a reference and of a run of blanks, their first.
    pub fn origin(&self, byte: usize) -> usize {
        let behind = self.pieces.partition_point(|piece| piece.text <= byte);
        match behind.checked_sub(1).and_then(|at| self.pieces.get(at)) {
            Some(piece) if piece.is_verbatim => piece.source + (byte - piece.text),
            Some(piece) => piece.source,
            None => 0,
        }
    }
}

/// Follows the tokenizer through a page.
struct Reader<'a> {
    source: &'a str,
    /// How far the tokenizer has read.
    position: usize,
    /// Where the characters stand that come next.
    next: usize,
    text: Vec<u8>,
    pieces: Vec<Piece>,
    /// Where a blank stands that goes before the next character, if there is one on the same line.
    blank: Option<usize>,
    /// Open `<pre>` elements.
    preformatted: usize,
    /// Whether the tokenizer is inside an element that holds no elements and is not shown.
    is_raw: bool,
    /// The element of [`HIDDEN`] that the tokenizer is in, and how many of its name are open.
    hidden: Option<(&'static str, usize)>,
    tag: Tag,
    /// The name of the last start tag.
    opened: Vec<u8>,
}

/// The tag that is being read.
#[derive(Default)]
struct Tag {
    name: Vec<u8>,
    is_end: bool,
    closes_itself: bool,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            position: 0,
            next: 0,
            text: Vec::with_capacity(source.len() / 2),
            pieces: Vec::new(),
            blank: None,
            preformatted: 0,
            is_raw: false,
            hidden: None,
            tag: Tag::default(),
            opened: Vec::new(),
        }
    }

    /// Takes characters. Those that are written out stand in the source as they are; a reference does not.
    fn take(&mut self, characters: &[u8]) {
        let rest = self.source.as_bytes().get(self.next..).unwrap_or_default();
        let (at, is_verbatim) = (self.next, rest.starts_with(characters));
        if is_verbatim {
            self.next += characters.len();
        } else if characters == b"\n" && rest.starts_with(b"\r") {
            self.next += if rest.starts_with(b"\r\n") { 2 } else { 1 };
        }
        if self.is_raw || self.hidden.is_some() {
            return;
        }
        if self.preformatted > 0 {
            return self.push(characters, at, is_verbatim);
        }
        let is_blank = |c: &u8| matches!(c, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c');
        let mut from = 0;
        while let Some(rest) = characters.get(from..)
            && let Some(first) = rest.first()
        {
            let start = if is_verbatim { at + from } else { at };
            if is_blank(first) {
                self.blank.get_or_insert(start);
                from += rest.iter().take_while(|c| is_blank(c)).count();
                continue;
            }
            let length = rest.iter().position(is_blank).unwrap_or(rest.len());
            self.push_blank();
            self.push(rest.get(..length).unwrap_or_default(), start, is_verbatim);
            from += length;
        }
    }

    /// Adds the blank before the next characters; there is none at the beginning of a line.
    fn push_blank(&mut self) {
        if let Some(at) = self.blank.take()
            && !self.is_at_line_start()
        {
            let stands = self.source.as_bytes().get(at) == Some(&b' ');
            self.push(b" ", at, stands);
        }
    }

    fn push(&mut self, characters: &[u8], source: usize, is_verbatim: bool) {
        let text = self.text.len();
        let goes_on = |last: &Piece| {
            last.is_verbatim && is_verbatim && last.source + (text - last.text) == source
        };
        if !self.pieces.last().is_some_and(goes_on) {
            self.pieces.push(Piece {
                text,
                source,
                is_verbatim,
            });
        }
        self.text.extend_from_slice(characters);
    }

    fn break_line(&mut self) {
        self.blank = None;
        if !self.is_at_line_start() {
            self.push(b"\n", self.position, false);
        }
    }

    fn is_at_line_start(&self) -> bool {
        self.text.last().is_none_or(|&last| last == b'\n')
    }

    /// A tag that hides elements, or ends that.
    fn hide(&mut self, tag: &Tag) {
        let name = HIDDEN.into_iter().find(|name| name.as_bytes() == tag.name);
        // A drawing that is not closed ends where the text goes on, as it does in a browser.
        let breaks_out = matches!(self.hidden, Some((hidden, _)) if hidden != "template")
            && !tag.is_end
            && is_block(&tag.name);
        self.hidden = match (self.hidden, name) {
            _ if breaks_out => None,
            (None, Some(name)) if !tag.is_end && !tag.closes_itself => Some((name, 1)),
            (Some((hidden, depth)), Some(name)) if hidden == name => match (tag.is_end, depth) {
                (true, 1) => None,
                (true, depth) => Some((hidden, depth - 1)),
                (false, depth) if tag.closes_itself => Some((hidden, depth)),
                (false, depth) => Some((hidden, depth + 1)),
            },
            (hidden, _) => hidden,
        };
    }
}

fn is_block(name: &[u8]) -> bool {
    BLOCKS.iter().any(|block| block.as_bytes() == name)
}

/// How the content of an element is read that holds no elements; none of them is shown.
fn raw(name: &[u8]) -> Option<State> {
    match name {
        b"script" => Some(State::ScriptData),
        b"textarea" | b"title" => Some(State::RcData),
        b"iframe" | b"noembed" | b"noframes" | b"noscript" | b"style" => Some(State::RawText),
        _ => None,
    }
}

impl Emitter for &mut Reader<'_> {
    /// None is ever made.
    type Token = ();

    fn emit_string(&mut self, characters: &[u8]) {
        self.take(characters);
    }

    fn init_string(&mut self) {
        self.next = self.position;
    }

    fn move_position(&mut self, offset: isize) {
        self.position = self.position.saturating_add_signed(offset);
    }

    fn init_start_tag(&mut self) {
        self.tag = Tag::default();
    }

    fn init_end_tag(&mut self) {
        self.tag = Tag {
            is_end: true,
            ..Tag::default()
        };
    }

    fn push_tag_name(&mut self, name: &[u8]) {
        self.tag.name.extend_from_slice(name);
    }

    fn set_self_closing(&mut self) {
        self.tag.closes_itself = true;
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        let tag = std::mem::take(&mut self.tag);
        // Inside a raw element there is no other tag than its end.
        self.is_raw = false;
        self.hide(&tag);
        if self.hidden.is_none() && is_block(&tag.name) {
            self.break_line();
        }
        if tag.name == b"pre" {
            self.preformatted = match tag.is_end {
                true => self.preformatted.saturating_sub(1),
                false => self.preformatted + 1,
            };
        }
        if tag.is_end {
            return None;
        }
        let is_drawing = self.hidden.is_some_and(|(name, _)| name != "template");
        let state = raw(&tag.name).filter(|_| !is_drawing);
        self.is_raw = state.is_some();
        self.opened = tag.name;
        state
    }

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        self.tag.is_end && self.tag.name == self.opened
    }

    fn set_last_start_tag(&mut self, name: Option<&[u8]>) {
        self.opened = name.unwrap_or_default().to_vec();
    }

    fn pop_token(&mut self) -> Option<()> {
        None
    }

    fn should_emit_errors(&mut self) -> bool {
        false
    }

    fn emit_error(&mut self, _: Error) {}
    fn emit_eof(&mut self) {}
    fn init_comment(&mut self) {}
    fn emit_current_comment(&mut self) {}
    fn push_comment(&mut self, _: &[u8]) {}
    fn init_doctype(&mut self) {}
    fn emit_current_doctype(&mut self) {}
    fn set_force_quirks(&mut self) {}
    fn push_doctype_name(&mut self, _: &[u8]) {}
    fn init_attribute(&mut self) {}
    fn push_attribute_name(&mut self, _: &[u8]) {}
    fn push_attribute_value(&mut self, _: &[u8]) {}
    fn set_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn set_doctype_system_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_system_identifier(&mut self, _: &[u8]) {}
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(source: &str) -> Html {
        Html::read(&Text::new(source).unwrap()).unwrap()
    }

    #[test]
    fn the_text_is_what_the_page_shows() {
        #[rustfmt::skip]
        let cases = [
            ("", ""),
            ("plain", "plain"),
            ("  a \t\n b  ", "a b"),
            ("a<br>b<br/>c", "a\nb\nc"),
            ("<h1>Title</h1>\n\n<p>One.</p> <p>Two.", "Title\nOne.\nTwo."),
            ("<ul><li>a<li>b</ul>c", "a\nb\nc"),
            ("<table><tr><td>a</td><td>b</td></tr></table>", "a\nb\n"),
            ("<b>No</b>ra <i>Brandt</i>", "Nora Brandt"),
            ("<x-card>a</x-card>b", "ab"),
            ("a<!-- b > c -->d", "ad"),
            ("<!DOCTYPE html><html><head><title>t</title></head><body>a", "a"),
            ("a<script>if (a < b) { '</p>' }</script>b", "ab"),
            ("<style>p > a { }</style>a", "a"),
            ("a<noscript><img src=x>b</noscript>c", "ac"),
            ("a<textarea>b<p>c</textarea>d", "ad"),
            ("a<template>b<template>c</template>d<p>e</template>f", "af"),
            ("a<svg viewBox='0 0 1 1'><title>b</title><text>c</text></svg>d", "ad"),
            ("a<svg/>b", "ab"),
            ("a<svg><path><p>b", "a\nb"),
            ("<pre>a\n  b</pre>c\n  d", "a\n  b\nc d"),
            ("<a title='x > y' href=\"z\">a</a>", "a"),
            ("M&uuml;ller &amp; Co", "Müller & Co"),
            ("&#77;&#x00FC;ller&nbsp;AG", "Müller\u{a0}AG"),
            ("&lt;b&gt; &copy 1 &foo; &", "<b> ©\u{20}1 &foo; &"),
            ("a &#32;&#10; b", "a b"),
            ("a < b <3 </> c", "a < b <3 c"),
            ("a\r\nb\rc", "a b c"),
            ("<pre>a\r\nb\rc</pre>", "a\nb\nc\n"),
            ("a <b> b</b> c", "a b c"),
            ("a<", "a<"),
            ("a</", "a</"),
            ("a<b", "a"),
            ("<script>a", ""),
        ];
        for (source, expected) in cases {
            assert_eq!(read(source).text().as_str(), expected, "{source}");
        }
    }

    #[test]
    fn each_character_is_found_where_it_stands() {
        #[rustfmt::skip]
        let cases = [
            ("<p>Nora</p>", "Nora", "Nora</p>"),
            ("<b>No</b>ra", "Nora", "No</b>ra"),
            ("<b>No</b>ra", "ra", "ra"),
            ("x &Auml;pfel", "Äpfel", "&Auml;pfel"),
            ("x &Auml;pfel", "pfel", "pfel"),
            ("&amp;&amp;a", "a", "a"),
            ("&amp;&amp;a", "&a", "&amp;a"),
            ("&foo;bar", "bar", "bar"),
            ("&copy a", "a", "a"),
            ("a \r\n\r\n b", " b", " \r\n\r\n b"),
            ("a \r\n\r\n b", "b", "b"),
            ("<pre>a\r\nb</pre>", "b", "b</pre>"),
            ("a &lt; b &lt 🙂c", "🙂c", "🙂c"),
            ("<p>a<p>b", "\nb", "b"),
            ("<script>'b'</script>b", "b", "b"),
            ("a < b", "b", "b"),
            ("a </ b", "a", "a </ b"),
            ("<!-- b -->b", "b", "b"),
        ];
        for (source, text, at) in cases {
            let html = read(source);
            let byte = html.text().as_str().rfind(text).unwrap();
            assert_eq!(&source[html.origin(byte)..], at, "{source}");
        }
    }

    /// A text as HTML, with the byte at which each of its characters was written.
    fn written(text: &str, ways: &[u8]) -> (String, Vec<usize>) {
        let (mut html, mut places) = (String::new(), Vec::new());
        for (c, way) in text.chars().zip(ways.iter().cycle()) {
            match way {
                1 => html += "<b>",
                2 => html += "<!-- <p> & -->",
                3 => html += "</i>",
                4 => html += "<script>'</p>'</script>",
                _ => {}
            }
            places.push(html.len());
            match (c, way) {
                ('<', _) => html += "&lt;",
                ('&', _) => html += "&amp;",
                ('ü', 5) => html += "&uuml;",
                (c, 6) => html += &format!("&#{};", u32::from(c)),
                (c, 7) => html += &format!("&#x{:X};", u32::from(c)),
                (c, _) => html.push(c),
            }
        }
        (html, places)
    }

    proptest! {
        #[test]
        fn a_text_that_is_written_as_html_is_read_back_with_its_places(
            text in "([a-zäöüß<&;#🙂\u{308}]|[^\\p{C}\\p{Z}]){1,40}",
            ways in proptest::collection::vec(0_u8..8, 1..9),
        ) {
            let (source, places) = written(&text, &ways);
            let html = read(&source);
            prop_assert_eq!(html.text().as_str(), &text);
            for ((byte, _), place) in text.char_indices().zip(places) {
                prop_assert_eq!(html.origin(byte), place, "{} in {}", byte, source);
            }
        }

        #[test]
        fn any_page_is_read_and_no_place_is_out_of_bounds(
            source in "(<[/!]?|>|--|&#?x?|;|</?(pre|p|svg|script|title|template|b)|[a-z\"'= \r\n\0]|\\PC){0,60}",
        ) {
            let html = read(&source);
            let mut last = 0;
            for (byte, _) in html.text().as_str().char_indices() {
                let origin = html.origin(byte);
                prop_assert!(origin <= source.len() && source.is_char_boundary(origin), "{}", source);
                prop_assert!(last <= origin, "{}", source);
                last = origin;
            }
        }
    }
}
