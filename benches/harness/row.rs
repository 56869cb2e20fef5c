//! One promise, what was measured of it, and whether it was kept.

use std::fmt;

/// A line of the result.
#[derive(Debug, Clone)]
pub struct Row {
    /// The scenario and what of it.
    pub name: &'static str,
    /// What was done to the server.
    pub done: String,
    /// What was measured.
    pub figure: String,
    /// What was promised.
    pub bound: &'static str,
    /// Whether the promise was kept.
    pub passed: bool,
}

impl Row {
    /// The head of the table.
    pub const HEAD: &str = "| Row | What was done | Figure | Bound | Kept |\n|---|---|---|---|---|";

    /// The line of a scenario that came to no result.
    pub fn broken(name: &'static str, reason: &str) -> Self {
        Self {
            name,
            done: "came to no result".to_owned(),
            figure: reason.to_owned(),
            bound: "a result",
            passed: false,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = if self.passed { "yes" } else { "**no**" };
        // A message of the program may hold what would end the cell or the line.
        let cell = |text: &str| text.replace('|', "/").replace('\n', " ");
        let (done, figure) = (cell(&self.done), cell(&self.figure));
        write!(
            f,
            "| {} | {done} | {figure} | {} | {kept} |",
            self.name, self.bound
        )
    }
}
