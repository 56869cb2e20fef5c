//! Which column or field of the input is what.

use clap::Args;

/// The names of the columns of CSV and Parquet, and of the fields of JSON lines.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Args)]
#[command(next_help_heading = "Columns of CSV and Parquet, fields of JSON lines")]
pub struct ColumnArgs {
    /// The column of the text
    #[arg(
        id = "text_column",
        long = "text-column",
        value_name = "NAME",
        default_value = "text"
    )]
    pub text: String,

    /// The column of the id
    #[arg(
        id = "id_column",
        long = "id-column",
        value_name = "NAME",
        default_value = "id"
    )]
    pub id: String,

    /// The column of the language
    #[arg(
        id = "language_column",
        long = "language-column",
        value_name = "NAME",
        default_value = "language"
    )]
    pub language: String,

    /// A column to tag as the first line of the text; offsets then count from the start of the title
    #[arg(id = "title_column", long = "title-column", value_name = "NAME")]
    pub title: Option<String>,

    /// What parts the columns of CSV, a single character or "tab"; default: what parts those of its first line
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub delimiter: Option<u8>,
}

impl Default for ColumnArgs {
    fn default() -> Self {
        Self {
            text: "text".to_owned(),
            id: "id".to_owned(),
            language: "language".to_owned(),
            title: None,
            delimiter: None,
        }
    }
}

fn delimiter(given: &str) -> Result<u8, String> {
    match given.as_bytes() {
        _ if given == "tab" || given == "\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err("a single character is expected, for example ; or tab".to_owned()),
    }
}

/// The text to tag: the title on a line of its own before the text.
pub fn with_title(title: Option<&str>, text: String) -> String {
    match title.map(str::trim).filter(|title| !title.is_empty()) {
        Some(title) => format!("{title}\n{text}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delimiter_is_one_character() {
        assert_eq!(delimiter(";"), Ok(b';'));
        assert_eq!(delimiter("tab"), Ok(b'\t'));
        for wrong in ["", ";;", "\"", "ä", "\n"] {
            assert!(delimiter(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_title_is_the_first_line() {
        for (title, text) in [
            (Some(" Streit in Köln "), "Streit in Köln\nText."),
            (Some(" "), "Text."),
            (None, "Text."),
        ] {
            assert_eq!(with_title(title, "Text.".to_owned()), text);
        }
    }
}
