//! How far a run has come: a bar on a terminal, a line now and then elsewhere.

use std::{
    fmt,
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Fewer documents than this need no progress bar.
const FEW: u64 = 5;
/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// How many documents went well and how many did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Documents that were tagged.
    pub tagged: u64,
    /// Documents and lines that were not.
    pub failed: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tagged, {} failed", self.tagged, self.failed)
    }
}

/// Shows on standard error how far a run has come.
pub struct Progress {
    shown: Shown,
    total: Option<u64>,
    read: u64,
    pace: Option<Pace>,
}

enum Shown {
    Nothing,
    Bar(ProgressBar),
    Lines { last: Instant },
}

/// How fast documents are tagged, not counting those that an earlier run has tagged.
#[derive(Debug, Clone, Copy)]
struct Pace {
    since: Instant,
    documents: u64,
    bytes: u64,
}

impl Progress {
    /// Shows nothing.
    pub fn hidden() -> Self {
        Self {
            shown: Shown::Nothing,
            total: None,
            read: 0,
            pace: None,
        }
    }

    /// A bar or lines over `total` bytes; without an end where the total is not known.
    pub fn new(total: Option<u64>) -> Self {
        let shown = match io::stderr().is_terminal() {
            true => Shown::Bar(bar(total)),
            false => Shown::Lines {
                last: Instant::now(),
            },
        };
        Self {
            shown,
            total,
            ..Self::hidden()
        }
    }

    /// A document for which so many bytes were read is done; `recalled` where an earlier run has tagged it.
    pub fn update(&mut self, tally: Tally, bytes: u64, recalled: bool) {
        self.read += bytes;
        let now = Instant::now();
        if !recalled {
            // The first document stands for the start: before it the model is loaded.
            match &mut self.pace {
                Some(pace) => {
                    pace.documents += 1;
                    pace.bytes += bytes;
                }
                None => {
                    self.pace = Some(Pace {
                        since: now,
                        documents: 0,
                        bytes: 0,
                    });
                }
            }
        }
        let message = |total: Option<u64>| {
            let rest = total.map(|total| total.saturating_sub(self.read));
            message(tally, self.pace.and_then(|pace| pace.over(now)), rest)
        };
        match &mut self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => {
                if tally.tagged + tally.failed == FEW && self.total != Some(self.read) {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                }
                bar.set_position(self.read);
                bar.set_message(message(self.total));
            }
            Shown::Lines { last } => {
                if now.duration_since(*last) >= LINE_EVERY {
                    *last = now;
                    eprintln!("tagwerk: {}", message(self.total));
                }
            }
        }
    }

    /// Prints a message without getting into the bar.
    pub fn tell(&self, message: &dyn fmt::Display) {
        match &self.shown {
            Shown::Bar(bar) => bar.suspend(|| eprintln!("{message}")),
            Shown::Nothing | Shown::Lines { .. } => eprintln!("{message}"),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
    let template = match total {
        Some(_) => "{bar:30} {percent:>3} %  {msg}",
        None => "{spinner} {msg}  {elapsed}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}

impl Pace {
    /// Documents and bytes per second; `None` where it is too early to say.
    fn over(self, now: Instant) -> Option<(f64, f64)> {
        let seconds = now.duration_since(self.since).as_secs_f64();
        let known = self.documents > 0 && seconds > 0.0;
        known.then(|| (self.documents as f64 / seconds, self.bytes as f64 / seconds))
    }
}

/// What there is to say; `pace` in documents and bytes per second, `rest` in bytes.
fn message(tally: Tally, pace: Option<(f64, f64)>, rest: Option<u64>) -> String {
    let mut message = tally.to_string();
    if let Some((documents, bytes)) = pace {
        message.push_str(&format!(", {documents:.1} documents/s"));
        let seconds = rest.map(|rest| rest as f64 / bytes);
        if let Some(left) = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            message.push_str(&format!(", {} left", HumanDuration(left)));
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_and_rest_are_told_as_far_as_they_are_known() {
        let tally = Tally {
            tagged: 1200,
            failed: 3,
        };
        for (pace, rest, told) in [
            (None, Some(9), "1200 tagged, 3 failed"),
            (
                Some((12.34, 100.0)),
                None,
                "1200 tagged, 3 failed, 12.3 documents/s",
            ),
            (
                Some((12.34, 100.0)),
                Some(18_000),
                "1200 tagged, 3 failed, 12.3 documents/s, 3 minutes left",
            ),
            (
                Some((1.0, 0.0)),
                Some(1),
                "1200 tagged, 3 failed, 1.0 documents/s",
            ),
        ] {
            assert_eq!(message(tally, pace, rest), told);
        }
    }

    #[test]
    fn documents_of_an_earlier_run_do_not_count_for_the_pace() {
        let mut progress = Progress::hidden();
        for recalled in [true, true, false, false, false] {
            progress.update(Tally::default(), 10, recalled);
        }
        let pace = progress.pace.unwrap();
        assert_eq!((pace.documents, pace.bytes, progress.read), (2, 20, 50));
        let (documents, bytes) = pace.over(pace.since + Duration::from_secs(4)).unwrap();
        assert_eq!((documents, bytes), (0.5, 5.0));
    }
}
