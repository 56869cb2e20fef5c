//! A day of news: articles, and copies of them that other papers print, some of them edited.

use std::{fs, path::Path};

use super::Failure;

/// The share of articles that repeat an earlier one.
pub const COPIES: f64 = 0.6;

/// The share of copies that somebody has edited.
const EDITED: f64 = 1.0 / 3.0;

/// Articles between an original and its first copy, at least: papers do not print in the same second.
const APART: usize = 16;

/// Bytes from which on a written text counts as an article.
const ARTICLE_BYTES: usize = 900;

/// What stands below an article in some paper.
const NOTICE: &str = "Mehr zum Thema lesen Sie in unserem Newsletter am Morgen.";

/// One article of the day.
#[derive(Debug, Clone)]
pub struct Article {
    /// The text as it is sent.
    pub text: String,
    /// The number of its original, or its own.
    pub original: usize,
    /// Whether it differs from the original.
    pub is_edited: bool,
}

/// So many articles in the order in which they come.
///
/// # Errors
/// Too few written articles in the checkout.
pub fn day(count: usize, chance: &mut fastrand::Rng) -> Result<Vec<Article>, Failure> {
    let mut written = written_articles()?;
    chance.shuffle(&mut written);
    let originals = count - (count as f64 * COPIES) as usize;
    if written.len() < originals {
        return Err(format!(
            "{originals} articles are wanted, {} are there",
            written.len()
        )
        .into());
    }
    let mut rest = written.into_iter().take(originals);
    // Which places hold an original: the first ones, then by chance.
    let mut is_original: Vec<bool> = (0..count).map(|i| i < originals).collect();
    chance.shuffle(is_original.get_mut(APART..).unwrap_or_default());
    let mut articles: Vec<Article> = Vec::with_capacity(count);
    for (number, is_original) in is_original.into_iter().enumerate() {
        let latest = number.checked_sub(APART).filter(|_| !is_original);
        let Some(latest) = latest else {
            articles.push(Article {
                text: rest.next().ok_or("too many originals were drawn")?,
                original: number,
                is_edited: false,
            });
            continue;
        };
        let original = articles[chance.usize(..=latest)].original;
        let is_edited = chance.f64() < EDITED;
        let text = &articles[original].text;
        articles.push(Article {
            text: if is_edited {
                edited(text, chance)
            } else {
                text.clone()
            },
            original,
            is_edited,
        });
    }
    Ok(articles)
}

/// A copy as an editor leaves it: another headline, another source line, the end cut, a word changed, or a notice below.
fn edited(text: &str, chance: &mut fastrand::Rng) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..chance.usize(1..=2) {
        let place = chance.usize(..lines.len());
        match chance.usize(..5) {
            0 => lines[0] = format!("Überblick: {}", lines[0]),
            1 => lines[1] = format!("BERLIN (ots) – {}", lines[1]),
            2 if lines.len() > 3 => _ = lines.pop(),
            3 => {
                let mut words: Vec<&str> = lines[place].split(' ').collect();
                let word = chance.usize(..words.len());
                words[word] = "nun";
                lines[place] = words.join(" ");
            }
            _ => lines.push(NOTICE.to_owned()),
        }
    }
    lines.join("\n")
}

/// The articles among the written texts, without their marks.
fn written_articles() -> Result<Vec<String>, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("training/data/written/markup");
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    let mut articles = Vec::new();
    for path in paths {
        let content = fs::read_to_string(path)?;
        let texts = content.split("\n\n").map(plain);
        articles
            .extend(texts.filter(|text| text.len() >= ARTICLE_BYTES && text.lines().count() > 2));
    }
    articles.sort();
    articles.dedup();
    Ok(articles)
}

/// A block without its first and last line and without the marks around names and quotations.
fn plain(block: &str) -> String {
    let lines = block.lines().filter(|line| !line.starts_with(['@', '=']));
    let marked = lines.collect::<Vec<_>>().join("\n");
    let mut text = String::with_capacity(marked.len());
    let mut rest = marked.as_str();
    while let Some(at) = rest.find(['[', '{', ']', '}']) {
        text.push_str(&rest[..at]);
        let mark = &rest[at..];
        let fields = match mark {
            _ if mark.starts_with("[[") => 2,
            _ if mark.starts_with("{{") => 1,
            _ if mark.starts_with("]]") || mark.starts_with("}}") => {
                rest = &mark[2..];
                continue;
            }
            _ => {
                text.push_str(&mark[..1]);
                rest = &mark[1..];
                continue;
            }
        };
        rest = mark.splitn(fields + 1, '|').last().unwrap_or_default();
    }
    text + rest
}
