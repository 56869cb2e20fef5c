//! How a bench runs: its arguments, its scenarios one after the other, its exit code.

use std::{
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use tokio::{runtime::Runtime, time::timeout};

use super::{Failure, plan::Plan, report, row::Row};

/// What is measured, and the row that stands for it where it comes to no result.
pub type Scenario = (&'static str, Measure);

/// What measures it.
pub type Measure = for<'a> fn(&'a Plan) -> Measured<'a>;

/// The rows of a scenario that is under way.
pub type Measured<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, Failure>> + 'a>>;

/// A bench.
#[derive(Debug, Clone, Copy)]
pub struct Bench {
    /// Its name, and that of the folder for its files.
    pub name: &'static str,
    /// Every scenario, in the order of the table.
    pub scenarios: &'static [Scenario],
    /// How long one scenario may take, whatever happens in it.
    pub limit: Duration,
}

/// Proves promises on the program itself.
#[derive(Debug, Parser)]
struct Arguments {
    /// The program [default: the one that this was built with, or else `tagwerk` near it].
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,

    /// The model package.
    #[arg(long, value_name = "DIR", default_value = "models/base")]
    model: PathBuf,

    /// By how much everything is shortened, 0.1 to 1.
    #[arg(long, value_name = "PART", default_value_t = 1.0, value_parser = scale)]
    scale: f64,

    /// The seed of all chance.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// The scenarios to run, separated by commas [default: all].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,

    /// The document whose table is filled, between the lines `<!-- measured -->` and `<!-- /measured -->`.
    #[arg(long, value_name = "FILE", conflicts_with = "only")]
    write: Option<PathBuf>,

    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn scale(value: &str) -> Result<f64, String> {
    match value.parse() {
        Ok(scale) if (0.1..=1.0).contains(&scale) => Ok(scale),
        _ => Err("must be between 0.1 and 1".to_owned()),
    }
}

impl Bench {
    /// Runs the scenarios that the command line names and prints a row for each promise; fails where one was not kept.
    ///
    /// # Errors
    /// What keeps it from starting at all.
    pub fn run(&self) -> Result<ExitCode, Failure> {
        let arguments = Arguments::parse();
        let names: Vec<&str> = self.scenarios.iter().map(|(name, _)| *name).collect();
        let mut only = arguments.only.iter();
        if let Some(unknown) = only.find(|only| !names.contains(&only.as_str())) {
            return Err(
                format!("there is no scenario {unknown}, only {}", names.join(", ")).into(),
            );
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let plan = Plan {
            program: match arguments.program {
                Some(program) => program.canonicalize()?,
                None => built_program()?,
            },
            model: folder.join(&arguments.model),
            folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join(self.name),
            scale: arguments.scale,
            seed: arguments.seed,
        };
        let head = report::head(&plan)?;
        println!("{head}\n\n{}", Row::HEAD);
        let runtime = Runtime::new()?;
        let mut rows = Vec::new();
        for (name, measure) in self.scenarios {
            let is_wanted = arguments.only.is_empty() || arguments.only.iter().any(|n| n == name);
            if !is_wanted {
                continue;
            }
            let measured = runtime.block_on(async { timeout(self.limit, measure(&plan)).await });
            let new = match measured {
                Ok(Ok(rows)) => rows,
                Ok(Err(error)) => vec![Row::broken(name, &error.to_string())],
                Err(_) => vec![Row::broken(name, "it takes too long")],
            };
            for row in new {
                println!("{row}");
                rows.push(row);
            }
        }
        let kept = rows.iter().filter(|row| row.passed).count();
        println!("\n{kept} of {} kept", rows.len());
        if let Some(document) = arguments.write {
            // Cargo runs this in the package's folder.
            report::write(&folder.join(document), &head, &rows)?;
        }
        match kept == rows.len() {
            true => Ok(ExitCode::SUCCESS),
            false => Ok(ExitCode::FAILURE),
        }
    }
}

/// The program that was built with this harness, or else the nearest one above it.
fn built_program() -> Result<PathBuf, Failure> {
    if let Some(program) = option_env!("CARGO_BIN_EXE_tagwerk")
        && Path::new(program).is_file()
    {
        return Ok(program.into());
    }
    let own = std::env::current_exe()?;
    let near = own.ancestors().skip(1).map(|folder| folder.join("tagwerk"));
    let mut programs = near.filter(|path| path.is_file());
    Ok(programs
        .next()
        .ok_or("there is no program: build it or give --program")?)
}
