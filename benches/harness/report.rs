//! Where and on what was measured, and the table in a document.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{Failure, plan::Plan, row::Row};

const BEGIN: &str = "<!-- measured -->";
const END: &str = "<!-- /measured -->";

/// One sentence on program, machine and day.
pub fn head(plan: &Plan) -> Result<String, Failure> {
    let asked = Command::new(&plan.program).arg("--version").output();
    let asked = asked.map_err(|error| format!("cannot run {}: {error}", plan.program.display()))?;
    let version = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
    let cpus = thread::available_parallelism()?;
    Ok(format!(
        "{version}, {cpus} CPUs of {}, server and callers on the same machine, scale {}, seed {}, {}.",
        processor(),
        plan.scale,
        plan.seed,
        today()
    ))
}

/// Puts the table between its two lines.
///
/// # Errors
/// A document without these lines.
pub fn write(document: &Path, head: &str, rows: &[Row]) -> Result<(), Failure> {
    let text = fs::read_to_string(document)?;
    let missing = || format!("{} has no lines {BEGIN} and {END}", document.display());
    // At the beginning of a line: the document may also speak of these lines.
    let place = |mark: &str| Some(text.find(&format!("\n{mark}\n"))? + 1);
    let begin = place(BEGIN).ok_or_else(missing)? + BEGIN.len();
    let end = place(END).ok_or_else(missing)?;
    let (Some(before), Some(after)) = (text.get(..begin), text.get(end..)) else {
        return Err(missing().into());
    };
    let table: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let text = format!("{before}\n\n{head}\n\n{}\n{table}\n{after}", Row::HEAD);
    fs::write(document, text)?;
    Ok(())
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    name.map_or("an unknown processor".to_owned(), |name| {
        name.trim_start_matches([' ', '\t', ':']).to_owned()
    })
}

/// The day in UTC.
fn today() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut days = since.as_secs() / (24 * 60 * 60);
    let mut year = 1970_u64;
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    loop {
        let length = 365 + u64::from(is_leap(year));
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}
