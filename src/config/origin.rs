//! Flags, variables, file and defaults laid over each other, and where each value comes from.

use std::{
    collections::{HashMap, HashSet},
    env, fmt,
    path::PathBuf,
};

use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, parser::ValueSource, value_parser,
};

use super::{
    ConfigError, ServeArgs,
    file::{self, File},
    models::NamedModels,
    setting::{Kind, Setting, nearest},
};

/// The beginning of all variables' names.
const PREFIX: &str = "TAGWERK_";

/// The variable that names the file.
const CONFIG_VARIABLE: &str = "TAGWERK_CONFIG";

/// The beginning of the variables that are settings of the queue worker alone.
const WORKER_PREFIX: &str = "TAGWERK_NATS_";

/// Where a value comes from. The order is the one in which problems are told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the settings file.
    File {
        /// The file as it was named.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable, by its name.
    Variable(String),
    /// A flag of the command line.
    Flag,
}

impl Origin {
    pub(super) fn file(file: &str, line: usize) -> Self {
        let file = file.to_owned();
        Self::File { file, line }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Variable(name) => f.write_str(name),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// A value as it was given: one string, or each of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) values: Vec<String>,
    pub(super) origin: Origin,
}

impl Given {
    /// Checks the value by itself.
    pub(super) fn check(&self, setting: &Setting) -> Result<(), Problem> {
        let mut values = self.values.iter();
        match values.find_map(|value| setting.check(value).err()) {
            Some(reason) => Err(self.problem(setting, &reason)),
            None => Ok(()),
        }
    }

    /// A problem with the value, told with its place.
    fn problem(&self, setting: &Setting, reason: &str) -> Problem {
        let origin = &self.origin;
        let value = self.values.join(",");
        let path = setting.path();
        let place = match origin {
            Origin::Default => format!("{path} = {} (default)", setting.toml(&self.values)),
            Origin::File { .. } => format!("{origin}: {path} = {}", setting.toml(&self.values)),
            Origin::Variable(name) => format!("{name}={value}"),
            Origin::Flag => format!("{} {value}", setting.flag()),
        };
        Problem::new(origin, format!("{place}: {reason}"))
    }
}

/// One thing that is wrong with the settings, told with its place and a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) origin: Origin,
    text: String,
}

impl Problem {
    pub(super) fn new(origin: &Origin, text: String) -> Self {
        let origin = origin.clone();
        Self { origin, text }
    }
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(Vec<Problem>);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [problem] = self.0.as_slice() {
            return problem.fmt(f);
        }
        write!(f, "{} problems with the settings:", self.0.len())?;
        let mut problems = self.0.iter();
        problems.try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// The command line of `tagwerk serve`, with nothing read but flags and variables.
#[derive(Debug, Clone, Default)]
pub struct ServeCommand {
    /// The settings file.
    pub config: Option<PathBuf>,
    /// Whether to print the settings instead of serving.
    pub print_config: bool,
    /// What flags and variables say, by the setting's id.
    given: HashMap<String, Given>,
}

impl Args for ServeCommand {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .env(CONFIG_VARIABLE)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("Settings file (TOML). Flags and environment variables override it");
        let print = Arg::new("print_config")
            .long("print-config")
            .action(ArgAction::SetTrue)
            .help("Print each setting, and where it comes from, as a settings file, and exit");
        ServeArgs::augment_args(command)
            .mut_args(Setting::raw)
            .next_help_heading(None)
            .args([config, print])
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ServeCommand {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = HashMap::new();
        for setting in Setting::all() {
            let origin = match matches.value_source(setting.id()) {
                Some(ValueSource::CommandLine) => Origin::Flag,
                Some(ValueSource::EnvVariable) => Origin::Variable(setting.variable()),
                _ => continue,
            };
            let values = matches.get_many::<String>(setting.id());
            let values = values.into_iter().flatten();
            let values = match setting.kind() {
                Kind::List => values
                    .flat_map(|list| list.split(','))
                    .map(|value| value.trim().to_owned())
                    .collect(),
                _ => values.cloned().collect(),
            };
            given.insert(setting.id().to_owned(), Given { values, origin });
        }
        Ok(Self {
            config: matches.get_one::<PathBuf>("config").cloned(),
            print_config: matches.get_flag("print_config"),
            given,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl ServeCommand {
    /// Reads the file and lays flags, variables, file and defaults over each other.
    ///
    /// # Errors
    /// Everything that is wrong, wherever it stands.
    pub fn resolve(&self) -> Result<Settings, Problems> {
        let settings = Setting::all();
        let file = match &self.config {
            Some(path) => file::read(path, &settings),
            None => File::default(),
        };
        let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let mistyped = mistyped_variables(names, &settings);
        self.overlay(settings, file, mistyped)
    }

    fn overlay(
        &self,
        settings: Vec<Setting>,
        file: File,
        mistyped: Vec<Problem>,
    ) -> Result<Settings, Problems> {
        let (mut problems, mut unsound) = (file.problems, file.unsound);
        problems.extend(mistyped);
        let mut values = Vec::new();
        for setting in settings {
            let given = self.given.get(setting.id());
            match given.map(|given| given.check(&setting)) {
                Some(Ok(())) => {
                    unsound.remove(setting.id());
                }
                Some(Err(problem)) => {
                    problems.push(problem);
                    unsound.insert(setting.id().to_owned());
                }
                None => {}
            }
            let given = given.or_else(|| file.values.get(setting.id()));
            let given = given.cloned().unwrap_or_else(|| Given {
                values: setting.default(),
                origin: Origin::Default,
            });
            values.push((setting, given));
        }
        let args = typed(&values, &unsound).map_err(|problem| Problems(vec![problem]))?;
        for error in args.problems() {
            let sound = |id: &&str| !unsound.contains(*id);
            if error.with.iter().chain([&error.setting]).all(sound) {
                problems.push(contradiction(&values, &error));
            }
        }
        if problems.is_empty() {
            let models = file.models;
            return Ok(Settings {
                args,
                values,
                models,
            });
        }
        problems.sort_by(|left, right| left.origin.cmp(&right.origin));
        Err(Problems(problems))
    }
}

/// Hands the values to clap as flags, which makes them typed. What is not sound takes its default.
fn typed(values: &[(Setting, Given)], unsound: &HashSet<String>) -> Result<ServeArgs, Problem> {
    let sound = values.iter().filter(|(s, _)| !unsound.contains(s.id()));
    let flags = sound.flat_map(|(setting, given)| {
        let flag = setting.flag();
        given
            .values
            .iter()
            .map(move |value| format!("{flag}={value}"))
    });
    let command = ServeArgs::augment_args(Command::new("serve").no_binary_name(true));
    let command = command.mut_args(|arg| arg.env(clap::builder::Resettable::Reset));
    command
        .try_get_matches_from(flags)
        .and_then(|matches| ServeArgs::from_arg_matches(&matches))
        .map_err(|error| Problem::new(&Origin::Default, error.to_string()))
}

/// A problem that shows only where all values are known.
fn contradiction(values: &[(Setting, Given)], error: &ConfigError) -> Problem {
    match values.iter().find(|(s, _)| s.id() == error.setting) {
        Some((setting, given)) => given.problem(setting, &error.problem),
        None => Problem::new(&Origin::Default, error.to_string()),
    }
}

/// Variables that are nearly one of ours. Others with the prefix are let be: orchestrators set some for each of
/// their services.
fn mistyped_variables(names: impl Iterator<Item = String>, settings: &[Setting]) -> Vec<Problem> {
    let mut known: Vec<String> = settings.iter().map(Setting::variable).collect();
    known.push(CONFIG_VARIABLE.to_owned());
    let rests = || known.iter().filter_map(|name| name.strip_prefix(PREFIX));
    names
        .filter(|name| !name.starts_with(WORKER_PREFIX))
        .filter_map(|name| {
            let rest = name.strip_prefix(PREFIX)?;
            let near = nearest(rest, rests()).filter(|near| *near != rest)?;
            let text = format!("{name}: no such variable; did you mean {PREFIX}{near}?");
            Some(Problem::new(&Origin::Variable(name), text))
        })
        .collect()
}

/// The settings that hold, with their origins.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The values.
    pub args: ServeArgs,
    /// The models beside the package.
    pub models: NamedModels,
    pub(super) values: Vec<(Setting, Given)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What these flags and this file, without variables, come to.
    fn settings(flags: &[&str], text: &str) -> Result<Settings, Problems> {
        let command = ServeCommand::augment_args(Command::new("serve").no_binary_name(true));
        let matches = command.try_get_matches_from(flags).unwrap();
        let serve = ServeCommand::from_arg_matches(&matches).unwrap();
        let settings = Setting::all();
        let file = file::parse("t.toml", text, &settings);
        serve.overlay(settings, file, Vec::new())
    }

    fn told(flags: &[&str], text: &str) -> Vec<String> {
        let problems = settings(flags, text).unwrap_err().0;
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_flag_comes_before_the_file_and_the_file_before_the_default() {
        let text = "[model]\nworkers = 3\nbatch_tokens = 1024\n";
        let args = settings(&["--workers", "5"], text).unwrap().args;
        assert_eq!(args.model.workers, 5);
        assert_eq!(args.model.batch_tokens, 1024);
        assert_eq!(args.model.queue_tokens, 262_144);
    }

    #[test]
    fn a_list_of_the_command_line_is_separated_by_commas_and_that_of_the_file_is_not() {
        let jwks = "--auth-jwks=j";
        let args = settings(&[jwks, "--auth-audience", "a, b"], "")
            .unwrap()
            .args;
        assert_eq!(args.auth.audience, ["a", "b"]);
        let args = settings(&[jwks], "auth.audience = ['a,b', 'c']")
            .unwrap()
            .args;
        assert_eq!(args.auth.audience, ["a,b", "c"]);
    }

    #[test]
    fn a_switch_of_the_file_can_be_taken_back_by_its_flag() {
        let text = "server.insecure = true";
        assert!(settings(&[], text).unwrap().args.insecure);
        assert!(!settings(&["--insecure=false"], text).unwrap().args.insecure);
        assert!(settings(&["--insecure"], "").unwrap().args.insecure);
    }

    #[test]
    fn all_problems_are_told_at_once_those_of_the_file_first_and_by_line() {
        let text = "[tls]\nkey = 'k'\n[server]\ngrace_seconds = 'x'\n[log]\nlevel = 1\n";
        let told = told(&["--workers", "x", "--stream-documents", "0"], text);
        let places = [
            "t.toml:2: tls.key",
            "t.toml:4: server.grace_seconds",
            "t.toml:6: log.level",
            "--workers x: ",
            "--stream-documents 0: ",
        ];
        assert_eq!(told.len(), places.len(), "{told:?}");
        for (told, place) in told.iter().zip(places) {
            assert!(told.starts_with(place), "{told}");
        }
    }

    #[test]
    fn a_contradiction_is_told_where_its_value_stands() {
        let text = "[server]\n\nlisten = '0.0.0.0:1'\n[model]\nbatch_tokens = 400000";
        let told = told(&[], text);
        assert_eq!(told.len(), 2, "{told:?}");
        let default =
            "model.queue_tokens = 262144 (default): must be at least batch_tokens (400000)";
        assert_eq!(told[0], default);
        let listen = "t.toml:3: server.listen = \"0.0.0.0:1\": ";
        assert!(told[1].starts_with(listen), "{told:?}");
    }

    #[test]
    fn a_mistake_is_told_without_what_follows_from_it() {
        for text in [
            "[server]\nlisten = '0.0.0.0:1'\ninsecur = true",
            "[server]\nlisten = '0.0.0.0:1'\ninsecure = 1",
            "[server]\nlisten = '0.0.0.0:1'\n[auht]\nkeys = 'k'",
            "[tls]\ncertificate = 'c'\nkey = 1",
            "[model]\nbatch_tokens = '400000'\nqueue_tokens = 1024",
        ] {
            assert_eq!(told(&[], text).len(), 1, "{text}");
        }
    }

    #[test]
    fn what_a_flag_says_is_checked_whatever_the_file_leaves_in_doubt() {
        let told = told(&["--stream-documents=0"], "[sever]");
        assert_eq!(told.len(), 2, "{told:?}");
    }

    #[test]
    fn a_wrong_value_of_the_file_is_told_though_a_flag_overrides_it() {
        let told = told(&["--workers=1"], "model.workers = 'x'");
        assert_eq!(told.len(), 1, "{told:?}");
    }

    #[test]
    fn a_mistyped_variable_is_told_and_a_strange_one_is_let_be() {
        for (name, meant) in [
            ("TAGWERK_LISTN", Some("TAGWERK_LISTEN")),
            ("TAGWERK_CONFIGS", Some("TAGWERK_CONFIG")),
            ("TAGWERK_TLS_CERTIFICATES", Some("TAGWERK_TLS_CERTIFICATE")),
            ("TAGWERK_LISTEN", None),
            ("TAGWERK_CONFIG", None),
            ("TAGWERK_NATS_KEY", None),
            ("TAGWERK_PORT", None),
            ("TAGWERK_PORT_50051_TCP_ADDR", None),
            ("TAGWERK_SERVICE_HOST", None),
            ("TAGWERK_SERVICE_PORT_GRPC", None),
            ("LISTN", None),
        ] {
            let problems = mistyped_variables([name.to_owned()].into_iter(), &Setting::all());
            let told = problems.first().map(ToString::to_string);
            let expected = meant.map(|m| format!("{name}: no such variable; did you mean {m}?"));
            assert_eq!(told, expected, "{name}");
        }
    }
}
