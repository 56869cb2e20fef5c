//! All settings as a list, read off the flags of [`ServeArgs`]: what the file, the print and the reference go by.

use std::{any::TypeId, error::Error as _};

use clap::{
    Arg, ArgAction, Args as _, Command,
    builder::{Resettable, ValueParser},
};
use toml::Value;

use super::{ServeArgs, Share};

/// The sections of the file, each with the heading that its flags have in the help.
pub(super) const SECTIONS: [(&str, &str); 8] = [
    ("server", "Server"),
    ("tls", "TLS"),
    ("auth", "Authentication"),
    ("model", "Model"),
    ("cache", "Cache"),
    ("watchlists", "Watchlists"),
    ("log", "Logging"),
    ("trace", "Tracing"),
];

/// What a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Switch,
    Number,
    Share,
    Choice,
    Text,
    List,
}

impl Kind {
    /// The kind in words, as TOML has it.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Switch => "true or false",
            Self::Number => "a whole number",
            Self::Share => "a number",
            Self::Choice | Self::Text => "a string",
            Self::List => "a list of strings",
        }
    }
}

/// One setting: a flag, a variable and a key of the file.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// The section of the file.
    pub(super) section: &'static str,
    arg: Arg,
}

impl Setting {
    /// Every setting, section by section.
    pub(super) fn all() -> Vec<Self> {
        let command = ServeArgs::augment_args(Command::new("serve"));
        let args = command.get_arguments().cloned();
        args.filter_map(|arg| Self::of(&arg)).collect()
    }

    /// The setting that a flag stands for. Flags outside the sections are none.
    pub(super) fn of(arg: &Arg) -> Option<Self> {
        let heading = arg.get_help_heading()?;
        let (section, _) = SECTIONS.into_iter().find(|(_, title)| *title == heading)?;
        Some(Self {
            section,
            arg: arg.clone(),
        })
    }

    /// The name that no other setting has.
    pub(super) fn id(&self) -> &str {
        self.arg.get_id().as_str()
    }

    /// The key within the section.
    pub(super) fn key(&self) -> &str {
        let id = self.id();
        let rest = id.strip_prefix(self.section);
        rest.and_then(|rest| rest.strip_prefix('_')).unwrap_or(id)
    }

    /// Section and key.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.section, self.key())
    }

    /// The flag with its dashes.
    pub(super) fn flag(&self) -> String {
        format!("--{}", self.arg.get_long().unwrap_or_default())
    }

    /// The environment variable.
    pub(super) fn variable(&self) -> String {
        let name = self.arg.get_env().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// What it holds, by what its flag is parsed into.
    pub(super) fn kind(&self) -> Kind {
        let holds = self.arg.get_value_parser().type_id();
        let numbers = [
            TypeId::of::<u32>(),
            TypeId::of::<u64>(),
            TypeId::of::<usize>(),
        ];
        if matches!(self.arg.get_action(), ArgAction::Append) {
            Kind::List
        } else if holds == TypeId::of::<bool>() {
            Kind::Switch
        } else if numbers.iter().any(|number| holds == *number) {
            Kind::Number
        } else if holds == TypeId::of::<Share>() {
            Kind::Share
        } else if self.arg.get_possible_values().is_empty() {
            Kind::Text
        } else {
            Kind::Choice
        }
    }

    /// The default, empty where there is none.
    pub(super) fn default(&self) -> Vec<String> {
        let values = self.arg.get_default_values().iter();
        values.map(|v| v.to_string_lossy().into_owned()).collect()
    }

    /// What the setting means, in a sentence, and what holds where it has no value.
    pub(super) fn meaning(&self) -> (String, Option<String>) {
        let help = self.arg.get_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let help = help.trim_end_matches('.');
        match help.split_once(" [default: ") {
            Some((meaning, default)) => (
                meaning.to_owned(),
                Some(default.trim_end_matches(']').to_owned()),
            ),
            None => (help.to_owned(), None),
        }
    }

    /// The values to choose from, empty where others are possible.
    pub(super) fn choices(&self) -> Vec<String> {
        let values = match self.kind() {
            Kind::Choice => self.arg.get_possible_values(),
            _ => Vec::new(),
        };
        values.iter().map(|v| v.get_name().to_owned()).collect()
    }

    /// Checks one value by itself.
    ///
    /// # Errors
    /// What is wrong with it, and what would be right.
    pub(super) fn check(&self, value: &str) -> Result<(), String> {
        // Without its variable the flag is read alone, whatever the environment holds.
        let arg = self.arg.clone().env(Resettable::Reset);
        let command = Command::new("serve").no_binary_name(true).arg(arg);
        let error = match command.try_get_matches_from([format!("{}={value}", self.flag())]) {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let choices = self.choices();
        Err(match (self.kind(), error.source()) {
            (Kind::Choice, _) => match nearest(value, choices.iter().map(String::as_str)) {
                Some(near) => format!("give one of {}; did you mean {near}?", choices.join(", ")),
                None => format!("give one of {}", choices.join(", ")),
            },
            (Kind::Number, _) if value.parse::<u128>().is_err() => {
                "give a whole number that is not negative".to_owned()
            }
            (Kind::Switch, _) => "give true or false".to_owned(),
            (_, Some(reason)) => reason.to_string(),
            (_, None) => "must not be empty".to_owned(),
        })
    }

    /// Values in the form that the file has.
    pub(super) fn toml(&self, values: &[String]) -> String {
        let string = |value: &String| Value::String(value.clone());
        match (self.kind(), values) {
            (Kind::List, values) => Value::Array(values.iter().map(string).collect()).to_string(),
            (Kind::Switch, [value]) => value.clone(),
            // A flag may have leading zeros, which TOML has not.
            (Kind::Number, [value]) => match value.parse::<u128>() {
                Ok(number) => number.to_string(),
                Err(_) => value.clone(),
            },
            (Kind::Share, [value]) => match value.parse::<Share>() {
                Ok(share) => share.to_string(),
                Err(_) => value.clone(),
            },
            (_, values) => Value::String(values.join(",")).to_string(),
        }
    }

    /// The flag as the command line shows it: it takes any string, so that all wrong values are told together.
    pub(super) fn raw(arg: Arg) -> Arg {
        let choices = arg.get_possible_values();
        match choices.is_empty() {
            true => arg.value_parser(ValueParser::string()),
            false => arg.value_parser(AnyString(choices)),
        }
    }
}

/// Takes any string, and shows the choices in the help.
#[derive(Debug, Clone)]
struct AnyString(Vec<clap::builder::PossibleValue>);

impl clap::builder::TypedValueParser for AnyString {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        clap::builder::StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(
        &self,
    ) -> Option<Box<dyn Iterator<Item = clap::builder::PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().cloned()))
    }
}

/// The setting that is probably meant by a wrong key: near in its name, and rather in the same section.
pub(super) fn meant<'a>(settings: &'a [Setting], section: &str, key: &str) -> Option<&'a Setting> {
    let distances = settings.iter().map(|setting| {
        let names = [setting.key(), setting.id()];
        let near = names.map(|name| distance(key, name)).into_iter().min();
        let away = usize::from(setting.section != section);
        (
            near.unwrap_or(usize::MAX).saturating_add(away),
            away,
            setting,
        )
    });
    let near = distances.filter(|(distance, ..)| *distance <= tolerance(key));
    let nearest = near.min_by_key(|(distance, away, _)| (*distance, *away));
    nearest.map(|(.., setting)| setting)
}

/// The name that is probably meant by a wrong one.
pub(super) fn nearest<'a>(
    wrong: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let distances = names.into_iter().map(|name| (distance(wrong, name), name));
    let near = distances.filter(|(distance, _)| *distance <= tolerance(wrong));
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Edits up to which a name passes for a mistyped one.
fn tolerance(name: &str) -> usize {
    1 + name.chars().count().min(12) / 4
}

/// Insertions, deletions and replacements of characters that make one word of the other (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.chars().enumerate() {
        let mut next = vec![line + 1];
        for ((above, to), kept) in row.iter().skip(1).zip(&right).zip(&row) {
            let before = next.last().copied().unwrap_or_default();
            next.push(
                (above + 1)
                    .min(before + 1)
                    .min(kept + usize::from(from != *to)),
            );
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_flag_is_a_setting_with_a_key_and_a_variable_of_its_own() {
        let settings = Setting::all();
        let command = ServeArgs::augment_args(Command::new("serve"));
        assert_eq!(settings.len(), command.get_arguments().count());
        let paths: HashSet<String> = settings.iter().map(Setting::path).collect();
        assert_eq!(paths.len(), settings.len());
        for setting in settings {
            let name = setting.flag().replace("--", "").replace('-', "_");
            assert_eq!(setting.id(), name);
            assert_eq!(
                setting.variable(),
                format!("TAGWERK_{}", name.to_uppercase())
            );
        }
    }

    #[test]
    fn the_distance_of_words_counts_insertions_deletions_and_replacements() {
        for (left, right, expected) in [
            ("", "", 0),
            ("", "key", 3),
            ("listen", "listen", 0),
            ("lisen", "listen", 1),
            ("listten", "listen", 1),
            ("key", "kez", 1),
            ("grüße", "grüse", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
            assert_eq!(distance(right, left), expected, "{right} {left}");
        }
    }

    #[test]
    fn a_wrong_key_means_a_near_one_rather_in_its_own_section() {
        let settings = Setting::all();
        for (section, key, expected) in [
            ("server", "lisen", Some("server.listen")),
            ("server", "grace-seconds", Some("server.grace_seconds")),
            ("tls", "keys", Some("tls.key")),
            ("auth", "key", Some("auth.keys")),
            ("server", "tls_certificate", Some("tls.certificate")),
            ("", "workers", Some("model.workers")),
            ("log", "log_format", Some("log.format")),
            ("server", "colour", None),
        ] {
            let meant = meant(&settings, section, key).map(Setting::path);
            assert_eq!(meant.as_deref(), expected, "{section}.{key}");
        }
    }
}
