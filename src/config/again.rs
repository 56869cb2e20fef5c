//! The settings read again while the server runs.

use super::{
    origin::{Problems, ServeCommand, Settings},
    setting::Setting,
};

/// The one setting that a running server takes up.
const LOG: &str = "log";

/// What settings that have changed mean for a running server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The new filter of the log.
    pub log: Option<String>,
    /// The other settings that are not those with which the server runs, each with its section.
    pub need_restart: Vec<String>,
}

/// The settings of a running server, and where they come from.
#[derive(Debug, Clone)]
pub struct RunningSettings {
    command: ServeCommand,
    /// Those with which the server runs.
    present: Settings,
    /// Those that were last read without a mistake.
    latest: Settings,
}

impl RunningSettings {
    /// The settings with which a server has started.
    pub fn new(command: ServeCommand, settings: Settings) -> Self {
        Self {
            command,
            latest: settings.clone(),
            present: settings,
        }
    }

    /// Reads the file again; none where it says what it said before. Blocks.
    ///
    /// # Errors
    /// Everything that is wrong, wherever it stands.
    pub fn read(&mut self) -> Result<Option<Changes>, Problems> {
        let read = self.command.resolve()?;
        if differing(&self.latest, &read).is_empty() && self.latest.models == read.models {
            return Ok(None);
        }
        let (log, others): (Vec<&Setting>, Vec<&Setting>) = differing(&self.present, &read)
            .into_iter()
            .partition(|setting| setting.id() == LOG);
        let mut need_restart: Vec<String> = others.into_iter().map(Setting::path).collect();
        if self.present.models != read.models {
            need_restart.push("models".to_owned());
        }
        let changes = Changes {
            log: (!log.is_empty()).then(|| read.args.log.log.clone()),
            need_restart,
        };
        if changes.log.is_some() {
            self.take_log(&read);
        }
        self.latest = read;
        Ok(Some(changes))
    }

    fn take_log(&mut self, read: &Settings) {
        self.present.args.log.log.clone_from(&read.args.log.log);
        let values = self.present.values.iter_mut().zip(&read.values);
        for ((setting, present), (_, new)) in values {
            if setting.id() == LOG {
                present.clone_from(new);
            }
        }
    }
}

/// The settings with other values in the second. Where the values come from is the same to a server.
fn differing<'a>(before: &Settings, after: &'a Settings) -> Vec<&'a Setting> {
    let pairs = before.values.iter().zip(&after.values);
    pairs
        .filter(|((_, before), (_, after))| before.values != after.values)
        .map(|(_, (setting, _))| setting)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::PathBuf, process};

    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;

    /// A file of one test's own, and the settings that it and flags make.
    struct File(PathBuf);

    impl File {
        fn new(name: &str, text: &str) -> Self {
            let name = format!("tagwerk-{}-{name}.toml", process::id());
            let file = Self(env::temp_dir().join(name));
            file.write(text);
            file
        }

        fn write(&self, text: &str) {
            fs::write(&self.0, text).unwrap();
        }

        fn running(&self, flags: &[&str]) -> RunningSettings {
            let command = ServeCommand::augment_args(Command::new("serve").no_binary_name(true));
            let file = ["--config", self.0.to_str().unwrap()];
            let matches = command
                .try_get_matches_from([&file[..], flags].concat())
                .unwrap();
            let command = ServeCommand::from_arg_matches(&matches).unwrap();
            let settings = command.resolve().unwrap();
            RunningSettings::new(command, settings)
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn changes(log: Option<&str>, need_restart: &[&str]) -> Changes {
        Changes {
            log: log.map(str::to_owned),
            need_restart: need_restart.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_new_filter_of_the_log_is_taken_up_and_everything_else_needs_a_restart() {
        let file = File::new("filter", "log.log = 'info'\nmodel.workers = 1");
        let mut running = file.running(&[]);
        assert_eq!(running.read(), Ok(None));
        file.write("log.log = 'debug'\nlog.format = 'json'\nmodel.workers = 2");
        let expected = changes(Some("debug"), &["model.workers", "log.format"]);
        assert_eq!(running.read(), Ok(Some(expected)));
        assert_eq!(running.read(), Ok(None), "told twice");
    }

    #[test]
    fn what_needs_a_restart_is_compared_with_the_start() {
        let file = File::new("start", "model.workers = 1");
        let mut running = file.running(&[]);
        file.write("model.workers = 2");
        assert_eq!(running.read(), Ok(Some(changes(None, &["model.workers"]))));
        file.write("model.workers = 1\nlog.log = 'warn'");
        assert_eq!(running.read(), Ok(Some(changes(Some("warn"), &[]))));
    }

    #[test]
    fn a_flag_still_comes_before_the_file() {
        let file = File::new("flag", "log.log = 'info'");
        let mut running = file.running(&["--log=error"]);
        file.write("log.log = 'debug'");
        assert_eq!(running.read(), Ok(None));
    }

    #[test]
    fn a_broken_file_is_refused_as_a_whole_and_taken_when_it_is_mended() {
        let file = File::new("broken", "log.log = 'info'");
        let mut running = file.running(&[]);
        file.write("log.log = 'debug'\nmodel.workers = 'x'");
        let problems = running.read().unwrap_err().to_string();
        assert!(problems.contains(":2: model.workers"), "{problems}");
        file.write("log.log = 'debug'");
        assert_eq!(running.read(), Ok(Some(changes(Some("debug"), &[]))));
    }
}
