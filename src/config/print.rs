//! The settings written out: as a file, and as the reference of the documentation.

use std::fmt::Write as _;

use super::{
    Settings,
    models::section,
    origin::{Given, Origin},
    setting::{SECTIONS, Setting},
};

impl Settings {
    /// Every setting as a settings file, each with a comment that says where it comes from. The file gives the same
    /// settings again.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        for (index, (section, _)) in SECTIONS.into_iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            let _ = writeln!(out, "{gap}[{section}]");
            for (setting, given) in self.values.iter().filter(|(s, _)| s.section == section) {
                let _ = writeln!(out, "{}", self.line(setting, given));
            }
        }
        for (name, model) in &self.models {
            let _ = write!(out, "\n{}", section(name, model));
        }
        out
    }

    fn line(&self, setting: &Setting, given: &Given) -> String {
        let (key, origin) = (setting.key(), &given.origin);
        let derived = match setting.id() {
            "max_message_bytes" => Some(vec![self.args.max_message_bytes().to_string()]),
            _ => None,
        };
        match (given.values.as_slice(), derived) {
            ([], Some(values)) => format!("{key} = {}  # {origin}", setting.toml(&values)),
            ([], None) if *origin == Origin::Default => match setting.meaning() {
                (_, Some(default)) => format!("# {key}: {default}  # {origin}"),
                (_, None) => format!("# {key}: none  # {origin}"),
            },
            (values, _) => format!("{key} = {}  # {origin}", setting.toml(values)),
        }
    }
}

/// All settings as tables in Markdown, one for each section of the file.
pub fn reference() -> String {
    let settings = Setting::all();
    let mut out = String::new();
    for (section, title) in SECTIONS {
        let _ = write!(
            out,
            "### {title}: `[{section}]`\n\n\
             | Key | Flag | Variable | Default | Meaning |\n|---|---|---|---|---|\n"
        );
        for setting in settings.iter().filter(|s| s.section == section) {
            let (mut meaning, described) = setting.meaning();
            let choices = setting.choices().join("`, `");
            if !choices.is_empty() {
                let _ = write!(meaning, " (`{choices}`)");
            }
            let default = match (setting.default(), described) {
                (values, _) if !values.is_empty() => format!("`{}`", setting.toml(&values)),
                (_, Some(default)) => default,
                (_, None) => "none".to_owned(),
            };
            let _ = writeln!(
                out,
                "| `{}` | `{}` | `{}` | {default} | {} |",
                setting.key(),
                setting.flag(),
                setting.variable(),
                meaning.replace('|', "\\|"),
            );
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}
