//! Programs from outside: those that `scripts/tools.sh` installs, and how they are run.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{self, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::Failure;

/// Time between looks at whether a program has ended.
const LOOK: Duration = Duration::from_millis(5);

/// The unit of times in `/proc`, the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A file of the checkout.
pub fn in_checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A program of `scripts/tools.sh`, where it is installed.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = in_checkout("target/tools/bin").join(name);
    path.is_file().then_some(path)
}

/// Seconds of a CPU that a process has used, with all its threads.
pub fn cpu_seconds(process: u32) -> Result<f64, Failure> {
    let line = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Behind the name, which may hold anything, the 12th and 13th field: time for itself and in the kernel.
    let (_, fields) = line.rsplit_once(')').ok_or("no name in /proc")?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: f64 = ticks.map(str::parse::<f64>).sum::<Result<_, _>>()?;
    Ok(ticks / TICKS_PER_SECOND)
}

/// Seconds for which the first so many CPUs have been at work, for whomever.
pub fn busy_seconds(cpus: usize) -> Result<f64, Failure> {
    let stat = fs::read_to_string("/proc/stat")?;
    let mut ticks = 0.0;
    for cpu in 0..cpus {
        let name = format!("cpu{cpu} ");
        let line = stat.lines().find_map(|line| line.strip_prefix(&name));
        // User, nice, system, idle, waiting for a disk, two kinds of interrupts, and what the host took.
        let fields = line.ok_or("too few CPUs in /proc/stat")?.split_whitespace();
        for (place, field) in fields.take(8).enumerate() {
            if place != 3 && place != 4 {
                ticks += field.parse::<f64>()?;
            }
        }
    }
    Ok(ticks / TICKS_PER_SECOND)
}

/// A program that runs, killed when dropped. What it says goes to a file.
#[derive(Debug)]
pub struct Running {
    process: process::Child,
    log: PathBuf,
}

impl Running {
    /// Starts a program.
    pub fn start<A: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        log: &Path,
    ) -> Result<Self, Failure> {
        let said = File::options().create(true).append(true).open(log)?;
        let process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()
            .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
        Ok(Self {
            process,
            log: log.to_owned(),
        })
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Seconds of a CPU that it has used, with all its threads.
    pub fn cpu_seconds(&self) -> Result<f64, Failure> {
        cpu_seconds(self.process.id())
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for its end.
    pub async fn ended(&mut self, within: Duration) -> Result<ExitStatus, Failure> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            if began.elapsed() > within {
                return Err(format!("still at work: {}", self.last_line()).into());
            }
            sleep(LOOK).await;
        }
    }

    /// Waits for its end and wants it to be a good one.
    pub async fn succeeded(&mut self, within: Duration) -> Result<(), Failure> {
        let status = self.ended(within).await?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("{status}: {}", self.last_line()).into()),
        }
    }

    /// The last that it has said.
    pub fn last_line(&self) -> String {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        said.trim_end()
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
