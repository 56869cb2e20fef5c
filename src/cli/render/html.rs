//! The HTML format: one page that needs nothing but itself, for all documents of a run.

use std::{
    fmt::{self, Display, Write as _},
    io::{self, Write},
    ops::Range,
};

use super::{
    Annotated, Holder, Piece, TYPES, percent, polarity_mark, polarity_word, range, score, type_tag,
    type_word,
};
use crate::proto::tagwerk::v1::{
    Entity, EntityType, Mention, Polarity, Quote, StanceRelation, TaggedDocument,
};

/// Characters of a passage shown on each side of what it is shown for.
const PASSAGE_SIDE: usize = 200;

/// Writes the page.
#[derive(Default)]
pub struct Html {
    /// The ids of the documents written so far, for the list of documents.
    ids: Vec<String>,
}

impl Html {
    /// Writes the head of the page.
    pub fn begin(&mut self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "{HEAD}<style>{STYLE}</style>\n</head>\n<body>\n")?;
        out.write_all(legend().as_bytes())?;
        out.write_all(b"<main>\n")
    }

    /// Writes one document.
    pub fn document(&mut self, out: &mut impl Write, annotated: &Annotated) -> io::Result<()> {
        self.ids.push(short(&annotated.tagged.id));
        let section = Section {
            annotated,
            number: self.ids.len(),
        };
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = section.write(&mut page);
        out.write_all(page.as_bytes())
    }

    /// Writes the list of documents, where there are several, and ends the page.
    pub fn end(&mut self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "</main>")?;
        if self.ids.len() > 1 {
            writeln!(out, "<nav aria-label=\"Documents\"><h2>Documents</h2><ol>")?;
            for (index, id) in self.ids.iter().enumerate() {
                let number = index + 1;
                writeln!(out, "<li><a href=\"#d{number}\">{}</a></li>", Escaped(id))?;
            }
            writeln!(out, "</ol></nav>")?;
        }
        writeln!(out, "</body>\n</html>")
    }
}

/// Text as it may stand in an element or in a quoted attribute. What HTML does not allow is replaced.
pub struct Escaped<'a>(pub &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\t' | '\n' | '\r' => f.write_char(c)?,
                c if c.is_control() => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

fn type_class(entity_type: EntityType) -> &'static str {
    match entity_type {
        EntityType::Person => "per",
        EntityType::Organization => "org",
        EntityType::Location => "loc",
        EntityType::Miscellaneous | EntityType::Unspecified => "misc",
    }
}

fn polarity_class(polarity: Polarity) -> &'static str {
    match polarity {
        Polarity::Favorable => "fav",
        Polarity::Unfavorable => "unf",
        Polarity::Neutral | Polarity::Unspecified => "neu",
    }
}

/// The start of a name or id, for where it is only a label.
fn short(name: &str) -> String {
    match name.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

fn legend() -> String {
    let mut legend = String::from("<header>\n<h1>Tagged articles</h1>\n<ul class=\"legend\">\n");
    for entity_type in TYPES {
        let _ = writeln!(
            legend,
            "<li><mark class=\"{}\">{}<small>{}</small></mark></li>",
            type_class(entity_type),
            type_word(entity_type),
            type_tag(entity_type)
        );
    }
    for polarity in [Polarity::Favorable, Polarity::Unfavorable] {
        let _ = writeln!(
            legend,
            "<li class=\"{}\">{} {}, and in whose view</li>",
            polarity_class(polarity),
            polarity_mark(polarity),
            polarity_word(polarity)
        );
    }
    legend.push_str("</ul>\n</header>\n");
    legend
}

/// One document of the page. Its anchors begin with its number.
struct Section<'a> {
    annotated: &'a Annotated<'a>,
    number: usize,
}

impl Section<'_> {
    fn tagged(&self) -> &TaggedDocument {
        self.annotated.tagged
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let number = self.number;
        writeln!(
            out,
            "<article id=\"d{number}\" aria-labelledby=\"d{number}-id\">\n<h2 id=\"d{number}-id\">{}</h2>",
            Escaped(&short(&self.tagged().id))
        )?;
        out.write_str("<div class=\"article\">\n")?;
        self.text(out)?;
        self.entities(out)?;
        out.write_str("</div>\n")?;
        if !self.tagged().stances.is_empty() || !self.tagged().quotes.is_empty() {
            out.write_str("<div class=\"findings\">\n")?;
            self.stances(out)?;
            self.quotes(out)?;
            out.write_str("</div>\n")?;
        }
        self.tones(out)?;
        self.facts(out)?;
        out.write_str("</article>\n")
    }

    fn text(&self, out: &mut String) -> fmt::Result {
        let language = Escaped(&self.tagged().language);
        writeln!(out, "<div class=\"text\" lang=\"{language}\">")?;
        for line in self.annotated.lines().filter(|line| !line.is_empty()) {
            let headline = match self.annotated.is_headline(&line) {
                true => " class=\"headline\"",
                false => "",
            };
            write!(out, "<p dir=\"auto\"{headline}>")?;
            self.line(out, &line)?;
            out.write_str("</p>\n")?;
        }
        out.write_str("</div>\n")
    }

    /// Writes a line. Elements never cross: a mention that reaches into a quotation is marked in two parts.
    fn line(&self, out: &mut String, line: &[Piece]) -> fmt::Result {
        let mut quote = None;
        for piece in line {
            if piece.quote != quote {
                if quote.is_some() {
                    out.write_str("</span>")?;
                }
                quote = piece.quote;
                if let Some(index) = quote {
                    self.open_quote(out, index)?;
                }
            }
            match piece.mention {
                Some(index) => self.mention(out, index, piece)?,
                None => write!(out, "{}", Escaped(piece.text))?,
            }
            if piece.ends_quote {
                out.write_str("</span>")?;
                quote = None;
            }
        }
        match quote {
            Some(_) => out.write_str("</span>"),
            None => Ok(()),
        }
    }

    fn open_quote(&self, out: &mut String, index: usize) -> fmt::Result {
        let quote = self.tagged().quotes.get(index);
        let speaker = quote.map_or(Holder::Unnamed, |quote| self.annotated.speaker(quote));
        let who = self.holder_words(speaker);
        write!(
            out,
            "<span class=\"quote\" title=\"Said by {}\">",
            Escaped(&who)
        )
    }

    fn mention(&self, out: &mut String, index: usize, piece: &Piece) -> fmt::Result {
        let Some(mention) = self.tagged().mentions.get(index) else {
            return write!(out, "{}", Escaped(piece.text));
        };
        let anchor = match piece.begins_mention {
            true => format!(" id=\"d{}-m{index}\"", self.number),
            false => String::new(),
        };
        write!(
            out,
            "<mark class=\"{}\"{anchor} title=\"{}\">{}",
            type_class(mention.r#type()),
            Escaped(&self.title(mention)),
            Escaped(piece.text)
        )?;
        if piece.ends_mention {
            write!(out, "<small>{}</small></mark>", type_tag(mention.r#type()))?;
            for stance in self.annotated.stances_on(index) {
                self.badge(out, stance)?;
            }
            return Ok(());
        }
        out.write_str("</mark>")
    }

    fn title(&self, mention: &Mention) -> String {
        let name = short(self.annotated.name(mention));
        let mut title = format!(
            "{name}: {}, {}",
            type_word(mention.r#type()),
            percent(mention.probability)
        );
        if let Some(stance) = &mention.stance {
            let _ = write!(
                title,
                "; {} {}",
                polarity_word(stance.polarity()),
                score(stance.score)
            );
        }
        title
    }

    fn badge(&self, out: &mut String, stance: &StanceRelation) -> fmt::Result {
        let polarity = stance.polarity();
        let holder = self.annotated.holder(stance);
        let who = match holder {
            Holder::Mention(..) => format!("by {}", self.holder_words(holder)),
            Holder::Author => "author".to_owned(),
            Holder::Unnamed => "unnamed".to_owned(),
        };
        write!(
            out,
            " <span class=\"badge {}\" title=\"{}, {}\">{} {}</span>",
            polarity_class(polarity),
            polarity_word(polarity),
            percent(stance.probability),
            polarity_mark(polarity),
            Escaped(&who)
        )
    }

    fn holder_words(&self, holder: Holder) -> String {
        match holder {
            Holder::Mention(_, mention) => short(self.annotated.name(mention)),
            Holder::Author => "the author".to_owned(),
            Holder::Unnamed => "an unnamed source".to_owned(),
        }
    }

    fn entities(&self, out: &mut String) -> fmt::Result {
        let entities = &self.tagged().entities;
        if entities.is_empty() {
            return Ok(());
        }
        out.write_str(
            "<section><h3>Entities</h3>\n<div class=\"scroll\"><table><thead><tr>\
             <th scope=\"col\">Name</th><th scope=\"col\">Type</th>\
             <th scope=\"col\">Mentions</th><th scope=\"col\">Salience</th>\
             <th scope=\"col\">Stance</th></tr></thead>\n<tbody>\n",
        )?;
        let largest = entities
            .iter()
            .map(|entity| entity.salience)
            .fold(0.0, f32::max);
        for entity in entities {
            self.entity(out, entity, largest)?;
        }
        out.write_str("</tbody></table></div></section>\n")
    }

    fn entity(&self, out: &mut String, entity: &Entity, largest: f32) -> fmt::Result {
        let name = short(&entity.name);
        let class = type_class(entity.r#type());
        let name = match entity.mentions.first() {
            Some(first) => format!(
                "<a href=\"#d{}-m{first}\"><bdi>{}</bdi></a>",
                self.number,
                Escaped(&name)
            ),
            None => format!("<bdi>{}</bdi>", Escaped(&name)),
        };
        // A quotient that is no number becomes 0.
        let share = ((entity.salience / largest).clamp(0.0, 1.0) * 100.0) as u32;
        write!(
            out,
            "<tr><th scope=\"row\">{name}</th><td><span class=\"tag {class}\">{}</span></td>\
             <td class=\"number\">{}</td><td><span class=\"bar {class}\" style=\"--share:{share}%\">\
             {}</span></td><td class=\"number\">",
            type_tag(entity.r#type()),
            entity.mentions.len(),
            percent(entity.salience)
        )?;
        if let Some(stance) = &entity.stance {
            let counts = [
                (Polarity::Favorable, stance.favorable_count),
                (Polarity::Unfavorable, stance.unfavorable_count),
            ];
            if counts.iter().any(|(_, count)| *count > 0) {
                let class = polarity_class(stance.polarity());
                write!(out, "<b class=\"{class}\">{}</b>", score(stance.score))?;
            }
            for (polarity, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
                write!(
                    out,
                    " <span class=\"{}\" title=\"{} times {}\">{count}&nbsp;{}</span>",
                    polarity_class(polarity),
                    count,
                    polarity_word(polarity),
                    polarity_mark(polarity)
                )?;
            }
        }
        out.write_str("</td></tr>\n")
    }

    fn stances(&self, out: &mut String) -> fmt::Result {
        if self.tagged().stances.is_empty() {
            return Ok(());
        }
        out.write_str("<section><h3>Stances</h3>\n<ul class=\"cards\">\n")?;
        for stance in &self.tagged().stances {
            self.stance(out, stance)?;
        }
        out.write_str("</ul></section>\n")
    }

    fn stance(&self, out: &mut String, stance: &StanceRelation) -> fmt::Result {
        let Some((target, mention)) = self.annotated.mention(stance.target) else {
            return Ok(());
        };
        let polarity = stance.polarity();
        let word = match polarity {
            Polarity::Favorable => "for",
            Polarity::Unfavorable => "against",
            Polarity::Neutral | Polarity::Unspecified => "on",
        };
        write!(
            out,
            "<li class=\"{}\"><p>{} <b>{} {word}</b> {} <small>{}</small></p>",
            polarity_class(polarity),
            self.holder_link(self.annotated.holder(stance)),
            polarity_mark(polarity),
            self.mention_link(target, mention),
            percent(stance.probability)
        )?;
        self.evidence(out, stance, mention)?;
        out.write_str("</li>\n")
    }

    fn holder_link(&self, holder: Holder) -> String {
        match holder {
            Holder::Mention(index, mention) => self.mention_link(index, mention),
            Holder::Author | Holder::Unnamed => self.holder_words(holder),
        }
    }

    fn mention_link(&self, index: usize, mention: &Mention) -> String {
        format!(
            "<a href=\"#d{}-m{index}\"><bdi>{}</bdi></a>",
            self.number,
            Escaped(&short(self.annotated.name(mention)))
        )
    }

    /// The passage that carries a stance, its target marked.
    fn evidence(
        &self,
        out: &mut String,
        stance: &StanceRelation,
        mention: &Mention,
    ) -> fmt::Result {
        let text = self.annotated.text;
        let Some(evidence) = stance.evidence.and_then(|span| range(text, span)) else {
            return Ok(());
        };
        let target = mention
            .span
            .and_then(|span| range(text, span))
            .filter(|target| evidence.start <= target.start && target.end <= evidence.end)
            .unwrap_or(evidence.start..evidence.start);
        let passage = passage(text, &evidence, &target);
        let part = |range: Range<usize>| Escaped(text.get(range).unwrap_or_default());
        let cut = |cut| if cut { "…" } else { "" };
        write!(
            out,
            "<blockquote dir=\"auto\">{}{}<mark class=\"target\">{}</mark>{}{}</blockquote>",
            cut(passage.start > evidence.start),
            part(passage.start..target.start),
            part(target.clone()),
            part(target.end..passage.end),
            cut(passage.end < evidence.end)
        )
    }

    fn quotes(&self, out: &mut String) -> fmt::Result {
        if self.tagged().quotes.is_empty() {
            return Ok(());
        }
        out.write_str("<section><h3>Quotations</h3>\n<ul class=\"cards\">\n")?;
        for quote in &self.tagged().quotes {
            self.quote(out, quote)?;
        }
        out.write_str("</ul></section>\n")
    }

    fn quote(&self, out: &mut String, quote: &Quote) -> fmt::Result {
        let text = self.annotated.text;
        let Some(span) = quote.span.and_then(|span| range(text, span)) else {
            return Ok(());
        };
        let passage = passage(text, &span, &(span.start..span.start));
        let cut = if passage.end < span.end { "…" } else { "" };
        writeln!(
            out,
            "<li><blockquote dir=\"auto\">{}{cut}</blockquote><p>{}</p></li>",
            Escaped(text.get(passage).unwrap_or_default()),
            self.holder_link(self.annotated.speaker(quote))
        )
    }

    /// A strip with a field for each sentence.
    fn tones(&self, out: &mut String) -> fmt::Result {
        let sentiments = self
            .tagged()
            .sentences
            .iter()
            .filter_map(|sentence| sentence.sentiment.as_ref());
        let mut fields = String::new();
        for (index, sentiment) in sentiments.enumerate() {
            write!(
                fields,
                "<i class=\"{}\" title=\"Sentence {}: {} {}\"></i>",
                polarity_class(sentiment.polarity()),
                index + 1,
                polarity_word(sentiment.polarity()),
                score(sentiment.score)
            )?;
        }
        if fields.is_empty() {
            return Ok(());
        }
        let [favorable, neutral, unfavorable] = super::tones(self.tagged());
        writeln!(
            out,
            "<div class=\"tones\" role=\"img\" aria-label=\"Tone of the sentences: {favorable} favourable, \
             {neutral} neutral, {unfavorable} unfavourable\">{fields}</div>"
        )
    }

    fn facts(&self, out: &mut String) -> fmt::Result {
        let tagged = self.tagged();
        write!(
            out,
            "<footer><dl><div><dt>Language</dt><dd>{} ({})</dd></div>",
            Escaped(&tagged.language),
            percent(tagged.language_probability)
        )?;
        if let Some(sentiment) = &tagged.sentiment {
            write!(
                out,
                "<div><dt>Sentiment</dt><dd class=\"{}\">{} {}</dd></div>",
                polarity_class(sentiment.polarity()),
                polarity_word(sentiment.polarity()),
                score(sentiment.score)
            )?;
        }
        if let Some(coverage) = &tagged.coverage {
            write!(
                out,
                "<div><dt>Read</dt><dd>{} of {} bytes, {} windows</dd></div>",
                coverage.bytes_read, coverage.bytes_total, coverage.windows
            )?;
        }
        if let Some(model) = &tagged.model {
            let fingerprint: String = model.fingerprint.chars().take(12).collect();
            write!(
                out,
                "<div><dt>Model</dt><dd>{} {} <code>{}</code></dd></div>",
                Escaped(&model.name),
                Escaped(&model.version),
                Escaped(&fingerprint)
            )?;
        }
        out.write_str("</dl></footer>\n")
    }
}

/// The part of a range that lies near the target, so that a range of a megabyte is not written out for each of
/// its stances.
fn passage(text: &str, range: &Range<usize>, target: &Range<usize>) -> Range<usize> {
    let side = PASSAGE_SIDE * if target.is_empty() { 2 } else { 1 };
    let before = text.get(range.start..target.start).unwrap_or_default();
    let after = text.get(target.end..range.end).unwrap_or_default();
    let start = before
        .char_indices()
        .rev()
        .nth(side)
        .map_or(range.start, |(at, c)| range.start + at + c.len_utf8());
    let end = after
        .char_indices()
        .nth(side)
        .map_or(range.end, |(at, _)| target.end + at);
    start..end
}

const HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>Tagged articles</title>
";

const STYLE: &str = include_str!("page.css");

#[cfg(test)]
mod tests {
    use super::super::{
        Format,
        tests::{example, render},
    };
    use super::*;
    use crate::proto::tagwerk::v1::Span;

    /// The page without its head and style.
    fn body(documents: &[(&str, &TaggedDocument)]) -> String {
        let page = render(Format::Html, 80, documents);
        let (_, body) = page.split_once("<body>").unwrap();
        body.to_owned()
    }

    #[test]
    fn mentions_stances_and_quotations_are_marked_in_the_text() {
        let (text, tagged) = example();
        let body = body(&[(&text, &tagged)]);
        let expected = "<p dir=\"auto\" class=\"headline\">Streit in \
            <mark class=\"loc\" id=\"d1-m0\" title=\"Köln: place, 98\u{a0}%\">Köln<small>LOC</small></mark></p>\n\
            <p dir=\"auto\"><span class=\"quote\" title=\"Said by Ada Brehm\">„Ein Trauerspiel“</span>, sagte \
            <mark class=\"per\" id=\"d1-m1\" title=\"Ada Brehm: person, 98\u{a0}%\">Ada Brehm<small>PER</small></mark> \
            über die <mark class=\"org\" id=\"d1-m2\" title=\"Nordwind AG: organisation, 98\u{a0}%\">Nordwind AG\
            <small>ORG</small></mark> <span class=\"badge unf\" title=\"unfavourable, 90\u{a0}%\">▼ by Ada Brehm</span>.</p>\n";
        assert!(body.contains(expected), "{body}");
    }

    #[test]
    fn a_stance_is_listed_with_its_evidence_and_the_target_in_it() {
        let (text, tagged) = example();
        let body = body(&[(&text, &tagged)]);
        let expected = "<li class=\"unf\"><p><a href=\"#d1-m1\"><bdi>Ada Brehm</bdi></a> <b>▼ against</b> \
            <a href=\"#d1-m2\"><bdi>Nordwind AG</bdi></a> <small>90\u{a0}%</small></p>\
            <blockquote dir=\"auto\">„Ein Trauerspiel“, sagte Ada Brehm über die \
            <mark class=\"target\">Nordwind AG</mark>.</blockquote></li>\n";
        assert!(body.contains(expected), "{body}");
    }

    #[test]
    fn several_documents_have_anchors_and_a_list() {
        let (text, tagged) = example();
        let one = body(&[(&text, &tagged)]);
        assert!(!one.contains("<nav"), "{one}");
        let two = body(&[(&text, &tagged), (&text, &tagged)]);
        for part in [
            "<article id=\"d1\"",
            "<article id=\"d2\"",
            "<li><a href=\"#d1\">a.txt</a></li>\n<li><a href=\"#d2\">a.txt</a></li>",
            "id=\"d2-m1\"",
        ] {
            assert!(two.contains(part), "{part}");
        }
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let (text, tagged) = example();
        let page = render(Format::Html, 80, &[(&text, &tagged)]);
        for part in ["http:", "https:", "src=", "url(", "@import", "<script"] {
            assert!(!page.contains(part), "{part}");
        }
    }

    #[test]
    fn no_string_of_a_document_becomes_markup() {
        let attack = "<script>alert('x')</script>\"><img src=x onerror=\"y\">&amp;";
        let text = format!("{attack}\nMehr {attack}");
        let span = |start: usize, end: usize| {
            Some(Span {
                start: start as u32,
                end: end as u32,
            })
        };
        let (_, mut tagged) = example();
        tagged.id = attack.to_owned();
        tagged.language = attack.to_owned();
        for entity in &mut tagged.entities {
            entity.name = attack.to_owned();
        }
        for (index, mention) in tagged.mentions.iter_mut().enumerate() {
            mention.text = attack.to_owned();
            mention.entity = None;
            mention.span = span(index * 10, index * 10 + 9);
        }
        tagged.stances[0].evidence = span(0, text.len());
        tagged.quotes[0].span = span(0, text.len());
        if let Some(model) = &mut tagged.model {
            model.name = attack.to_owned();
            model.version = attack.to_owned();
            model.fingerprint = attack.to_owned();
        }
        let body = body(&[(&text, &tagged), (&text, &tagged)]);
        for part in [
            "<script",
            "<img",
            "'x'",
            "onerror=\"",
            "\"y\"",
            "&amp;amp;amp;",
        ] {
            assert!(!body.contains(part), "{part}");
        }
        assert!(body.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&gt;&lt;img"));
    }

    #[test]
    fn characters_that_html_does_not_allow_are_replaced() {
        assert_eq!(
            Escaped("a\0b\u{1b}\u{85}\tc\u{301}").to_string(),
            "a\u{fffd}b\u{fffd}\u{fffd}\tc\u{301}"
        );
    }

    #[test]
    fn elements_do_not_cross_where_a_mention_reaches_out_of_a_quotation() {
        let text = "Er „liest Ada Brehm“ gern.\nEnde.";
        let (_, mut tagged) = example();
        tagged.stances.clear();
        tagged.mentions.truncate(1);
        tagged.mentions[0].span = Some(super::super::tests::find(text, "Ada Brehm“ gern.\nEnde"));
        tagged.quotes[0].span = Some(super::super::tests::find(text, "„liest Ada Brehm“"));
        let body = body(&[(text, &tagged)]);
        let (_, inside) = body.split_once("<p dir=\"auto\"").unwrap();
        let (inside, _) = inside.split_once("</div>").unwrap();
        // The paragraph that this is cut out of is open already.
        let mut open = vec!["p"];
        for tag in inside.split('<').skip(1) {
            match tag.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), closed.split('>').next(), "{inside}"),
                None => open.push(tag.split([' ', '>']).next().unwrap()),
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn a_long_passage_is_shown_around_its_target_only() {
        let text = format!("{}Ziel{}", "ä".repeat(5_000), "ö".repeat(5_000));
        let target = 10_000..10_004;
        let shown = passage(&text, &(0..text.len()), &target);
        let side = 2 * PASSAGE_SIDE;
        assert_eq!(shown, target.start - side..target.end + side);
        assert_eq!(passage(&text, &target, &target), target);
    }
}
