//! The program as a child process: started on free ports, watched from outside, killed when dropped.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{self, ChildStderr, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    time::{sleep, timeout},
};
use tonic::transport::{Channel, Endpoint};

use super::{
    Failure,
    plan::{PATIENCE, Plan},
    tools::cpu_seconds,
};

/// Time between looks at what is waited for.
const LOOK: Duration = Duration::from_millis(10);

/// Bytes of the log that are kept.
const KEPT_LOG: usize = 256 << 20;

/// A running `tagwerk serve`.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    log: Arc<Mutex<Log>>,
    /// Where gRPC is served.
    pub grpc: SocketAddr,
    /// Where probes and metrics are served.
    pub http: SocketAddr,
}

/// What the child has said.
#[derive(Debug, Default)]
pub struct Log {
    /// The lines.
    pub text: String,
    /// Lines that tell of a panic.
    pub panics: usize,
    /// Whether the text lacks lines at its end.
    pub is_cut: bool,
}

impl Log {
    fn add(&mut self, line: &str) {
        // The second form is that of a panic before the log is set up.
        if line.contains(r#""message":"panicked""#) || line.contains("panicked at") {
            self.panics += 1;
        }
        self.is_cut |= self.text.len() + line.len() > KEPT_LOG;
        if !self.is_cut {
            self.text.push_str(line);
        }
    }

    fn last_line(&self) -> &str {
        self.text.trim_end().lines().last().unwrap_or_default()
    }
}

impl Child {
    /// Starts the program on free ports and waits until it serves.
    pub async fn start(plan: &Plan, arguments: &[&str]) -> Result<Self, Failure> {
        Self::start_at(plan, SocketAddr::from(([127, 0, 0, 1], 0)), arguments).await
    }

    /// Starts the program on this port and waits until it serves.
    pub async fn start_at(
        plan: &Plan,
        grpc: SocketAddr,
        arguments: &[&str],
    ) -> Result<Self, Failure> {
        Self::launch(Command::new(&plan.program), plan, grpc, arguments).await
    }

    /// Starts the program on free ports and on this CPU alone, and waits until it serves.
    pub async fn start_on(plan: &Plan, cpu: usize, arguments: &[&str]) -> Result<Self, Failure> {
        let mut command = Command::new("taskset");
        command
            .args(["--cpu-list", &cpu.to_string()])
            .arg(&plan.program);
        let port = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::launch(command, plan, port, arguments).await
    }

    async fn launch(
        mut command: Command,
        plan: &Plan,
        grpc: SocketAddr,
        arguments: &[&str],
    ) -> Result<Self, Failure> {
        command
            .args(["serve", "--log-format", "json"])
            .args(["--listen", &grpc.to_string()])
            .args(["--http-listen", "127.0.0.1:0"])
            .args(["--model", &plan.model.display().to_string()])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TAGWERK_") {
                command.env_remove(name);
            }
        }
        // The texts repeat; what is measured is the work on them.
        command.env("TAGWERK_CACHE_MEMORY_BYTES", "0");
        let started = command.spawn();
        let process =
            started.map_err(|error| format!("cannot run {}: {error}", plan.program.display()))?;
        let log = Arc::new(Mutex::new(Log::default()));
        // From here on the process is killed whatever happens.
        let mut child = Self {
            process,
            log: Arc::clone(&log),
            grpc,
            http: grpc,
        };
        let stderr = child.process.stderr.take().ok_or("no standard error")?;
        let (serves, served) = oneshot::channel();
        // The pipe is read to its end, so that the child never waits for it.
        std::thread::spawn(move || read(stderr, &log, serves));
        let ended = || {
            let log = child.log();
            let line = log.last_line().to_owned();
            format!("the program ended before it served: {line}")
        };
        let ports = timeout(PATIENCE, served).await;
        let (grpc, http) = ports
            .map_err(|_| "the program does not come to serve")?
            .map_err(|_| ended())?;
        (child.grpc, child.http) = (grpc, http);
        // The line that says so may come a moment before the first call is let in.
        timeout(PATIENCE, child.readiness())
            .await
            .map_err(|_| "the program serves and is not ready")??;
        Ok(child)
    }

    async fn readiness(&self) -> Result<(), Failure> {
        while get(self.http, "/readyz").await?.trim() != "ok" {
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// How to connect in the clear.
    pub fn endpoint(&self) -> Result<Endpoint, Failure> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.grpc))?;
        Ok(endpoint.connect_timeout(Duration::from_secs(10)))
    }

    /// A connection that is opened with its first call, and again where it has broken.
    pub fn channel(&self) -> Result<Channel, Failure> {
        Ok(self.endpoint()?.connect_lazy())
    }

    /// What the child has said so far.
    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the process still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Sends a signal, such as "TERM".
    pub fn signal(&self, name: &str) -> Result<(), Failure> {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &pid])
            .stdin(Stdio::null())
            .status()?;
        if sent.success() {
            Ok(())
        } else {
            Err(format!("SIG{name} could not be sent").into())
        }
    }

    /// Ends the process without a warning.
    pub fn kill(&mut self) -> Result<(), Failure> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Waits for the end of the process.
    pub async fn ended(&mut self, within: Duration) -> Result<ExitStatus, Failure> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            if began.elapsed() > within {
                return Err(format!("still there after {:.0} s", within.as_secs_f64()).into());
            }
            sleep(LOOK).await;
        }
    }

    /// The metrics page.
    pub async fn metrics(&self) -> Result<Metrics, Failure> {
        let page = timeout(PATIENCE, get(self.http, "/metrics")).await;
        Ok(Metrics(page.map_err(|_| "the metrics page hangs")??))
    }

    /// The value of one series; 0 where it is absent.
    pub async fn metric(&self, series: &str) -> Result<f64, Failure> {
        Ok(self.metrics().await?.value(series))
    }

    /// Waits until a series has reached a value; false where it does not.
    pub async fn reaches(
        &self,
        series: &str,
        is_there: impl Fn(f64) -> bool,
        within: Duration,
    ) -> Result<bool, Failure> {
        let began = Instant::now();
        while !is_there(self.metric(series).await?) {
            if began.elapsed() > within {
                return Ok(false);
            }
            sleep(LOOK).await;
        }
        Ok(true)
    }

    /// Waits until nothing waits, nothing is in flight, and the last batch has been read; false where that does not
    /// come.
    pub async fn quiets_down(&self, within: Duration) -> Result<bool, Failure> {
        for series in ["tagwerk_queue_tokens", "tagwerk_documents_in_flight"] {
            if !self.reaches(series, |value| value == 0.0, within).await? {
                return Ok(false);
            }
        }
        // A batch whose callers have gone is counted when it has been read.
        let began = Instant::now();
        let mut read = self.metric("tagwerk_windows_total").await?;
        while began.elapsed() < within {
            sleep(Duration::from_secs(1)).await;
            let now = self.metric("tagwerk_windows_total").await?;
            if now == read {
                return Ok(true);
            }
            read = now;
        }
        Ok(false)
    }

    /// Memory of the process in KiB.
    pub fn memory(&self) -> Result<f64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kilobytes.ok_or("no VmRSS")?.trim().parse()?)
    }

    /// Seconds of a CPU that the process has used.
    pub fn cpu_seconds(&self) -> Result<f64, Failure> {
        cpu_seconds(self.process.id())
    }

    /// Open files and sockets of the process.
    pub fn files(&self) -> Result<usize, Failure> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.process.id()))?.count())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Keeps the log, and tells the ports once the child serves.
fn read(stderr: ChildStderr, log: &Mutex<Log>, serves: oneshot::Sender<(SocketAddr, SocketAddr)>) {
    let (mut ports, mut serves) = (None, Some(serves));
    let mut stderr = BufReader::new(stderr);
    let mut line = Vec::new();
    while let Ok(1..) = stderr.read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line);
        log.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(&text);
        if serves.is_some()
            && let Ok(event) = serde_json::from_str::<Value>(&text)
        {
            let address = |name: &str| event[name].as_str()?.parse().ok();
            if let (Some(grpc), Some(http)) = (address("grpc"), address("http")) {
                ports = Some((grpc, http));
            }
            if event["message"] == "serving"
                && let (Some(ports), Some(serves)) = (ports, serves.take())
            {
                let _ = serves.send(ports);
            }
        }
        line.clear();
    }
}

/// A metrics page.
#[derive(Debug)]
pub struct Metrics(pub String);

impl Metrics {
    /// The value of one series; 0 where it is absent.
    pub fn value(&self, series: &str) -> f64 {
        let lines = self.0.lines();
        lines
            .filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
            .find_map(|value| value.parse().ok())
            .unwrap_or(0.0)
    }
}

/// The body of a page.
async fn get(address: SocketAddr, path: &str) -> Result<String, Failure> {
    let mut connection = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: chaos\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no HTTP")?;
    Ok(body.to_owned())
}
