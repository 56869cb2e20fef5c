//! The settings file: TOML with one table for each section.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use super::{
    models::{self, NamedModels},
    origin::{Given, Origin, Problem},
    setting::{Kind, SECTIONS, Setting, meant, nearest},
};

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct File {
    /// The values that can be used, by the setting's id.
    pub(super) values: HashMap<String, Given>,
    /// The models beside the package.
    pub(super) models: NamedModels,
    /// What cannot be used.
    pub(super) problems: Vec<Problem>,
    /// The settings that the problems probably are about: nothing is known of them.
    pub(super) unsound: HashSet<String>,
}

/// Reads a file. One that cannot be read is a problem, and nothing is known of any setting then.
pub(super) fn read(path: &Path, settings: &[Setting]) -> File {
    // A name with a line break would end the comment that it is printed in.
    let name = path.display().to_string().replace(char::is_control, "?");
    match fs::read_to_string(path) {
        Ok(text) => parse(&name, &text, settings),
        Err(error) => {
            let problem =
                Problem::new(&Origin::Default, format!("{name}: cannot be read: {error}"));
            unreadable(vec![problem], settings)
        }
    }
}

fn unreadable(problems: Vec<Problem>, settings: &[Setting]) -> File {
    File {
        problems,
        unsound: settings.iter().map(|s| s.id().to_owned()).collect(),
        ..File::default()
    }
}

/// Reads the text of a file.
pub(super) fn parse(name: &str, text: &str, settings: &[Setting]) -> File {
    let line_at = |byte: usize| 1 + text.bytes().take(byte).filter(|b| *b == b'\n').count();
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let mut problems: Vec<Problem> = Vec::new();
        for error in errors {
            let line = line_at(error.span().map_or(0, |span| span.start));
            let origin = Origin::file(name, line);
            // One slip often makes several errors on its line; the first one says most.
            if problems.last().is_none_or(|last| last.origin != origin) {
                let message = error.message().replace('\n', ", ");
                problems.push(Problem::new(
                    &origin,
                    format!("{origin}: no TOML: {message}"),
                ));
            }
        }
        return unreadable(problems, settings);
    }
    let mut reading = Reading {
        settings,
        file: File::default(),
        origin: &|byte| Origin::file(name, line_at(byte)),
    };
    for (section, value) in document.get_ref() {
        if section.get_ref().as_ref() != models::SECTION {
            reading.section(section, value);
        }
    }
    let mut file = reading.file;
    match models::parse(name, text, line_at) {
        Ok(found) => {
            let sections = document.get_ref().get(models::SECTION);
            let sections = sections.and_then(|value| value.get_ref().as_table());
            for (model, settings) in &found {
                let mut keys = sections.into_iter().flat_map(|table| table.keys());
                let key = keys.find(|key| key.get_ref().as_ref() == model);
                let origin = Origin::file(name, line_at(key.map_or(0, |key| key.span().start)));
                for (key, problem) in models::problems(model, settings) {
                    let dot = if key.is_empty() { "" } else { "." };
                    let model = model.escape_debug();
                    let text = format!("{origin}: models.{model}{dot}{key}: {problem}");
                    file.problems.push(Problem::new(&origin, text));
                }
            }
            file.models = found;
        }
        Err(problem) => file.problems.push(problem),
    }
    file
}

/// A document on its way to values and problems.
struct Reading<'a> {
    settings: &'a [Setting],
    file: File,
    origin: &'a dyn Fn(usize) -> Origin,
}

impl Reading<'_> {
    fn section(&mut self, name: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) {
        let origin = (self.origin)(name.span().start);
        let name: &str = name.get_ref();
        let known = SECTIONS.into_iter().find(|(section, _)| *section == name);
        match (known, value.get_ref()) {
            (Some((section, _)), DeValue::Table(table)) => {
                for (key, value) in table {
                    self.setting(section, key, value);
                }
            }
            (Some((section, _)), other) => {
                self.doubt_section(section);
                let found = article(other.type_str());
                let text =
                    format!("{section}: a section is expected, not {found}; write [{section}]");
                self.problem(&origin, &text);
            }
            (None, DeValue::Table(_)) => {
                let sections = SECTIONS.map(|(section, _)| section);
                let hint = match nearest(name, sections) {
                    Some(near) => {
                        self.doubt_section(near);
                        format!("did you mean [{near}]?")
                    }
                    None => format!("there are [{}]", sections.join("], [")),
                };
                let text = format!("[{}]: no such section; {hint}", name.escape_debug());
                self.problem(&origin, &text);
            }
            (None, _) => self.unknown(&origin, "", name),
        }
    }

    fn setting(
        &mut self,
        section: &'static str,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) {
        let origin = (self.origin)(key.span().start);
        let key: &str = key.get_ref();
        let mut settings = self.settings.iter();
        let setting = settings.find(|s| s.section == section && s.key() == key);
        let Some(setting) = setting else {
            return self.unknown(&origin, section, key);
        };
        let values = match strings(setting.kind(), value.get_ref()) {
            Some(values) => values,
            None => {
                self.file.unsound.insert(setting.id().to_owned());
                let text = format!(
                    "{}: {} is expected, not {}{}",
                    setting.path(),
                    setting.kind().noun(),
                    article(value.get_ref().type_str()),
                    example(setting, value.get_ref()),
                );
                return self.problem(&origin, &text);
            }
        };
        let given = Given { values, origin };
        match given.check(setting) {
            Ok(()) => {
                self.file.values.insert(setting.id().to_owned(), given);
            }
            Err(problem) => {
                self.file.unsound.insert(setting.id().to_owned());
                self.file.problems.push(problem);
            }
        }
    }

    fn unknown(&mut self, origin: &Origin, section: &str, key: &str) {
        let hint = match meant(self.settings, section, key) {
            Some(setting) => {
                self.file.unsound.insert(setting.id().to_owned());
                match setting.section == section {
                    true => format!("did you mean {}?", setting.key()),
                    false => format!("did you mean {} in [{}]?", setting.key(), setting.section),
                }
            }
            None if section.is_empty() => "settings stand in sections such as [server]".to_owned(),
            None => {
                let inside = self.settings.iter().filter(|s| s.section == section);
                let keys: Vec<&str> = inside.map(Setting::key).collect();
                format!("[{section}] has {}", keys.join(", "))
            }
        };
        let dot = if section.is_empty() { "" } else { "." };
        let text = format!(
            "{section}{dot}{}: no such setting; {hint}",
            key.escape_debug()
        );
        self.problem(origin, &text);
    }

    fn problem(&mut self, origin: &Origin, text: &str) {
        let text = format!("{origin}: {text}");
        self.file.problems.push(Problem::new(origin, text));
    }

    fn doubt_section(&mut self, section: &str) {
        let inside = self.settings.iter().filter(|s| s.section == section);
        self.file.unsound.extend(inside.map(|s| s.id().to_owned()));
    }
}

/// A value of the file as flags have it, or none where it is of another kind.
fn strings(kind: Kind, value: &DeValue<'_>) -> Option<Vec<String>> {
    let one = match (kind, value) {
        (Kind::Switch, DeValue::Boolean(value)) => value.to_string(),
        (Kind::Number, DeValue::Integer(number)) => {
            match i128::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => number.to_string(),
                // Out of every range, which the check will say.
                Err(_) => number.as_str().to_owned(),
            }
        }
        (Kind::Share, DeValue::Integer(number)) => number.as_str().to_owned(),
        (Kind::Share, DeValue::Float(number)) => number.as_str().to_owned(),
        (Kind::Choice | Kind::Text, DeValue::String(value)) => value.to_string(),
        (Kind::List, DeValue::Array(values)) => {
            return values
                .iter()
                .map(|value| match value.get_ref() {
                    DeValue::String(value) => Some(value.to_string()),
                    _ => None,
                })
                .collect();
        }
        _ => return None,
    };
    Some(vec![one])
}

/// How the value would be right.
fn example(setting: &Setting, value: &DeValue<'_>) -> String {
    let key = setting.key();
    match (setting.kind(), value) {
        (Kind::Switch | Kind::Number | Kind::Share, DeValue::String(text))
            if setting.check(text).is_ok() =>
        {
            format!("; write it without quotes: {key} = {text}")
        }
        (Kind::List, DeValue::String(text)) => {
            format!("; write {key} = {}", setting.toml(&[text.to_string()]))
        }
        (Kind::List, _) => format!("; for example {key} = [\"one\", \"two\"]"),
        _ => match setting.default() {
            default if default.is_empty() => "; write it in quotes".to_owned(),
            default => format!("; for example {key} = {}", setting.toml(&default)),
        },
    }
}

fn article(noun: &str) -> String {
    match noun.starts_with(['a', 'i']) {
        true => format!("an {noun}"),
        false => format!("a {noun}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problems(text: &str) -> String {
        let problems = parse("t.toml", text, &Setting::all()).problems;
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        texts.join("\n")
    }

    #[test]
    fn values_are_read_with_their_lines() {
        let text = "# settings\n\n[server]\nlisten = '[::1]:5'\nidle_seconds = 0x10\ninsecure = true\n\
                    [auth]\naudience = [\n  'a',\n  'b',\n]\n";
        let file = parse("t.toml", text, &Setting::all());
        assert_eq!(file.problems, []);
        for (id, values, line) in [
            ("listen", vec!["[::1]:5"], 4),
            ("idle_seconds", vec!["16"], 5),
            ("insecure", vec!["true"], 6),
            ("auth_audience", vec!["a", "b"], 8),
        ] {
            let given = &file.values[id];
            assert_eq!(given.values, values, "{id}");
            assert_eq!(given.origin, Origin::file("t.toml", line), "{id}");
        }
    }

    #[test]
    fn sections_may_be_dotted_keys_or_inline_tables() {
        for text in ["server.idle_seconds = 5", "server = { idle_seconds = 5 }"] {
            let file = parse("t.toml", text, &Setting::all());
            assert_eq!(file.values["idle_seconds"].values, ["5"], "{text}");
        }
    }

    #[test]
    fn each_mistake_is_told_with_its_line_and_a_hint() {
        #[rustfmt::skip]
        let cases = [
            ("[server]\nlisen = 1", "t.toml:2: server.lisen: no such setting; did you mean listen?"),
            ("[server]\nlog_format = 1", "t.toml:2: server.log_format: no such setting; did you mean format in [log]?"),
            ("[tls]\ncolour = 1", "t.toml:2: tls.colour: no such setting; [tls] has certificate, key, client_ca"),
            ("listen = 1", "t.toml:1: listen: no such setting; did you mean listen in [server]?"),
            ("colour = 1", "t.toml:1: colour: no such setting; settings stand in sections such as [server]"),
            ("\n[modell]\n", "t.toml:2: [modell]: no such section; did you mean [model]?"),
            ("[colours]", "t.toml:1: [colours]: no such section; there are [server], [tls], [auth], [model], [cache], [watchlists], [log], [trace]"),
            ("log = 'info'", "t.toml:1: log: a section is expected, not a string; write [log]"),
            ("[model]\nworkers = '4'", "t.toml:2: model.workers: a whole number is expected, not a string; write it without quotes: workers = 4"),
            ("[model]\nworkers = 1.5", "t.toml:2: model.workers: a whole number is expected, not a float; for example workers = 0"),
            ("[model]\nworkers = -1", "t.toml:2: model.workers = -1: give a whole number that is not negative"),
            ("[model]\nmodel = 7", "t.toml:2: model.model: a string is expected, not an integer; write it in quotes"),
            ("[model]\nprecision = 'fp16'", "t.toml:2: model.precision = \"fp16\": give one of auto, int8, bf16, fp32; did you mean bf16?"),
            ("[server]\ninsecure = 1", "t.toml:2: server.insecure: true or false is expected, not an integer; for example insecure = false"),
            ("[server]\nwatch_seconds = 2592001", "t.toml:2: server.watch_seconds = 2592001: 2592001 is not in 0..=2592000"),
            ("[trace]\nshare = 2", "t.toml:2: trace.share = 2: give a number from 0 to 1, for example 0.05"),
            ("[trace]\nshare = '0.1'", "t.toml:2: trace.share: a number is expected, not a string; write it without quotes: share = 0.1"),
            ("[trace]\nendpoint = 'localhost:4317'", "t.toml:2: trace.endpoint = \"localhost:4317\": give a URL, for example http://localhost:4317"),
            ("[auth]\naudience = 'a'", "t.toml:2: auth.audience: a list of strings is expected, not a string; write audience = [\"a\"]"),
            ("[auth]\naudience = ['']", "t.toml:2: auth.audience = [\"\"]: must not be empty"),
            ("[tls]\nkey = ''", "t.toml:2: tls.key = \"\": must not be empty"),
        ];
        for (text, expected) in cases {
            assert_eq!(problems(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_toml_is_told_once_for_each_line() {
        let told = problems("[server]\nlisten = = 1\n[log]\nlog = 'a'\nlog = 'b'\n");
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 2, "{told}");
        assert!(lines[0].starts_with("t.toml:2: no TOML: "), "{told}");
        assert!(
            lines[1].starts_with("t.toml:5: no TOML: duplicate"),
            "{told}"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let file = read(Path::new("/nowhere/t.toml"), &Setting::all());
        let told = file.problems[0].to_string();
        assert!(
            told.starts_with("/nowhere/t.toml: cannot be read: "),
            "{told}"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(\\[(server|auth)\\]\n|[a-z_]{1,9}|[=\\[\\]{}.,\"'0-9 ]|\n|\\PC){0,40}") {
            parse("t.toml", &text, &Setting::all());
        }
    }
}
