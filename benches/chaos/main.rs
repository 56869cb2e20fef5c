//! Proves the server's promises on the program itself: a child process on loopback, overloaded, left, ended, restarted,
//! given new files, wrong input and wrong credentials.
//!
//! `cargo bench --bench chaos --features faults -- [--scale 0.1] [--only NAME,NAME] [--write docs/reliability.md]`.
//! Prints a row for each promise and ends with 1 where one was not kept. Linux only: it reads `/proc`.

mod cancellation;
mod child;
mod credentials;
mod faults;
#[allow(dead_code)]
#[path = "../../examples/ingest.rs"]
mod ingest;
mod k6;
mod load;
mod malformed;
mod overload;
mod plan;
mod report;
mod restart;
mod rotation;
mod row;
mod soak;
mod texts;
mod tools;
mod wire;

use std::{
    error::Error,
    ffi::OsString,
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use tokio::{runtime::Runtime, time::timeout};

use self::{plan::Plan, row::Row};

/// Why a scenario came to no result.
type Failure = Box<dyn Error + Send + Sync>;

/// How long one scenario may take, whatever happens in it.
const LIMIT: Duration = Duration::from_secs(600);

/// What is measured, and the row that stands for it where it comes to no result.
type Scenario = (&'static str, Measure);

type Measure = for<'a> fn(&'a Plan) -> Measured<'a>;

type Measured<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, Failure>> + 'a>>;

/// Every scenario, in the order of the table.
const SCENARIOS: [Scenario; 10] = [
    ("overload", |plan| Box::pin(overload::overload(plan))),
    ("fairness", |plan| Box::pin(overload::fairness(plan))),
    ("cancellation", |plan| {
        Box::pin(cancellation::cancellation(plan))
    }),
    ("faults", |plan| Box::pin(faults::faults(plan))),
    ("sigterm", |plan| Box::pin(restart::sigterm(plan))),
    ("sigkill", |plan| Box::pin(restart::sigkill(plan))),
    ("rotation", |plan| Box::pin(rotation::rotation(plan))),
    ("malformed", |plan| Box::pin(malformed::malformed(plan))),
    ("credentials", |plan| {
        Box::pin(credentials::credentials(plan))
    }),
    ("soak", |plan| Box::pin(soak::soak(plan))),
];

/// Proves the server's promises on the program itself.
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
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = known)]
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

fn known(name: &str) -> Result<String, String> {
    match SCENARIOS.iter().any(|(known, _)| *known == name) {
        true => Ok(name.to_owned()),
        false => Err(format!(
            "must be one of {}",
            SCENARIOS.map(|(name, _)| name).join(", ")
        )),
    }
}

fn main() -> Result<ExitCode, Failure> {
    let is_client = |first: OsString| first == restart::RUST_CLIENT;
    if std::env::args_os().nth(1).is_some_and(is_client) {
        let arguments = ingest::Arguments::parse_from(std::env::args_os().skip(1));
        return Ok(Runtime::new()?.block_on(ingest::run(arguments)));
    }
    let arguments = Arguments::parse();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let plan = Plan {
        program: match arguments.program {
            Some(program) => program.canonicalize()?,
            None => built_program()?,
        },
        model: folder.join(&arguments.model),
        folder: PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
        scale: arguments.scale,
        seed: arguments.seed,
    };
    let head = report::head(&plan)?;
    println!("{head}\n\n{}", Row::HEAD);
    let runtime = Runtime::new()?;
    let mut rows = Vec::new();
    for (name, measure) in SCENARIOS {
        let is_wanted = arguments.only.is_empty() || arguments.only.iter().any(|n| n == name);
        if !is_wanted {
            continue;
        }
        let measured = runtime.block_on(async { timeout(LIMIT, measure(&plan)).await });
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
