//! All servers are replaced under load as the chart has Kubernetes do it, the model changes with them, and no call
//! fails.

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout},
};
use tonic::transport::{Channel, Endpoint, channel::Change};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{
    Failure,
    answers::Answers,
    chart::Chart,
    child::Child,
    envoy::Envoy,
    load::{Caller, Latencies, Outcome, Sample},
    plan::{Folder, Plan},
    row::Row,
    texts,
};

/// Callers who never pause.
const CALLERS: usize = 8;

/// How long a call may take.
const AMPLE: Duration = Duration::from_secs(30);

/// The time that the news of a pod that is to go takes.
const NEWS: Duration = Duration::from_secs(2);

/// The files of a model package.
const PACKAGE: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// Who spreads the calls.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// The proxy of the example, with or without its retries.
    Envoy { retries: bool },
    /// The callers themselves.
    Client,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Envoy { retries: false } => "rolling: Envoy without retries",
            Self::Envoy { retries: true } => "rolling: Envoy with its retries",
            Self::Client => "rolling: balanced by the client",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Envoy { retries: false } => "examples/envoy.yaml with num_retries: 0",
            Self::Envoy { retries: true } => "examples/envoy.yaml as it is",
            Self::Client => "tonic's balance_channel, told of each change",
        }
    }
}

/// Updates under load of so many calls, scaled.
pub async fn rolling(plan: &Plan, way: Way, calls: usize) -> Result<Vec<Row>, Failure> {
    let chart = Chart::rendered()?;
    let folder = plan.folder("packages")?;
    let plans = [plan.clone(), copy(plan, &folder)?];
    let row = update(&plans, chart, way, plan.count(calls, 500)).await?;
    Ok(vec![row])
}

/// The package with another version, which is another fingerprint.
fn copy(plan: &Plan, folder: &Folder) -> Result<Plan, Failure> {
    let model = folder.path("other");
    fs::create_dir_all(&model)?;
    for name in PACKAGE {
        fs::copy(plan.model.join(name), folder.path(&format!("other/{name}")))?;
    }
    let path = folder.path("other/config.json");
    let mut config: serde_json::Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    *config.get_mut("version").ok_or("no version")? = "99.0.0".into();
    folder.write("other/config.json", &config.to_string())?;
    Ok(Plan {
        model: model.into(),
        ..plan.clone()
    })
}

/// Replaces all pods, to the other model and back, until there were enough calls.
async fn update(plans: &[Plan; 2], chart: Chart, way: Way, calls: usize) -> Result<Row, Failure> {
    let [plan, _] = plans;
    let (endpoints, channels) = Endpoints::new(plan, way).await?;
    let endpoints = Arc::new(endpoints);
    let probes = Arc::new(Probes::default());
    let mut pods = Vec::new();
    for _ in 0..chart.replicas {
        pods.push(Pod::start(plan, chart, &endpoints, &probes).await?);
    }
    if let Some(envoy) = &endpoints.envoy {
        envoy.knows(chart.replicas).await?;
    }

    let shared = Arc::new(Calls::default());
    let mut callers = JoinSet::new();
    let began = Instant::now();
    for number in 0..CALLERS {
        let channel = channels.get(number % channels.len().max(1));
        let caller = Caller::new(channel.ok_or("no connection")?.clone());
        callers.spawn(Arc::clone(&shared).call_on(number, caller, began));
    }
    let (mut updates, mut replaced, mut ends) = (0, 0, JoinSet::new());
    while shared.ended.load(Ordering::Relaxed) < calls {
        updates += 1;
        let mut new = Vec::new();
        while !pods.is_empty() || new.len() < chart.replicas {
            let count = pods.len() + new.len();
            if count + chart.max_unavailable > chart.replicas
                && let Some(old) = pods.pop()
            {
                replaced += 1;
                ends.spawn(old.terminate(chart, Arc::clone(&endpoints)));
            } else if count < chart.replicas + chart.max_surge {
                let plan = &plans[updates % 2];
                new.push(Pod::start(plan, chart, &endpoints, &probes).await?);
            } else {
                return Err("an update that can neither add a pod nor take one away".into());
            }
        }
        pods = new;
        // The last pods go while the new ones serve alone.
        while let Some(end) = ends.join_next().await {
            end??;
        }
    }
    shared.over.store(true, Ordering::Relaxed);
    let length = began.elapsed();
    let samples: Vec<Sample> = callers.join_all().await.into_iter().flatten().collect();
    Ok(row(
        way,
        chart,
        length,
        &Seen {
            updates,
            replaced,
            samples,
            answers: &shared.answers,
            probes: &probes,
        },
    ))
}

/// What was seen during the updates.
struct Seen<'a> {
    updates: usize,
    replaced: usize,
    samples: Vec<Sample>,
    answers: &'a Answers,
    probes: &'a Probes,
}

fn row(way: Way, chart: Chart, length: Duration, seen: &Seen<'_>) -> Row {
    let (asked, unready) = (
        seen.probes.asked.load(Ordering::Relaxed),
        seen.probes.failed.load(Ordering::Relaxed),
    );
    let is_failed = |sample: &&Sample| !sample.outcome.is_answered();
    let failed = seen.samples.iter().filter(is_failed).count();
    let first = seen.samples.iter().find(is_failed);
    let times = Latencies::of(&seen.samples, Outcome::is_answered);
    let (models, different) = (seen.answers.models(), seen.answers.different());
    Row {
        name: way.name(),
        done: format!(
            "{}; {CALLERS} callers of one sentence in a closed loop; {} pods replaced in {} updates in {:.0} s, to \
             another model and back, {} replicas, maxSurge {}, maxUnavailable {}, preStop {} s (the news of it takes \
             {} s), grace {} s",
            way.meaning(),
            seen.replaced,
            seen.updates,
            length.as_secs_f64(),
            chart.replicas,
            chart.max_surge,
            chart.max_unavailable,
            chart.pre_stop.as_secs(),
            NEWS.as_secs(),
            chart.grace.as_secs()
        ),
        figure: format!(
            "{failed} of {} calls failed{}; {models} models answered, {different} answers differ; p50 {:.0} ms, p99 \
             {:.0} ms, slowest {:.0} ms; {unready} of {asked} probes failed",
            seen.samples.len(),
            first.map_or(String::new(), |first| format!(
                ", first after {:.1} s: {:?}",
                first.ended.as_secs_f64(),
                first.outcome
            )),
            times.median().unwrap_or(0.0),
            times.quantile(0.99).unwrap_or(0.0),
            times.quantile(1.0).unwrap_or(0.0),
        ),
        bound: "no call fails; the same text has the same bytes from the same model; every pod ends with code 0 in time",
        passed: failed == 0 && models == 2 && different == 0 && unready == 0,
    }
}

/// What the callers share.
#[derive(Debug, Default)]
struct Calls {
    answers: Answers,
    ended: AtomicUsize,
    over: AtomicBool,
}

impl Calls {
    /// Calls until it is told that it is over; never twice for one answer.
    async fn call_on(self: Arc<Self>, first: usize, caller: Caller, began: Instant) -> Vec<Sample> {
        let mut samples = Vec::new();
        let mut number = first;
        while !self.over.load(Ordering::Relaxed) {
            let text = number % texts::SHORT.len();
            let sent = Instant::now();
            let outcome = match caller.tag(texts::SHORT[text], AMPLE).await {
                Outcome::Answered(answer) => {
                    self.answers.note(text, *answer);
                    Outcome::Answered(Box::default())
                }
                other => other,
            };
            samples.push(Sample {
                ended: began.elapsed(),
                took: sent.elapsed(),
                outcome,
            });
            self.ended.fetch_add(1, Ordering::Relaxed);
            number += 1;
        }
        samples
    }
}

/// How often the probes of ready pods have asked.
#[derive(Debug, Default)]
struct Probes {
    asked: AtomicUsize,
    failed: AtomicUsize,
}

/// The pods that get calls, as an endpoint slice names them.
struct Endpoints {
    ready: Mutex<Vec<SocketAddr>>,
    envoy: Option<Envoy>,
    client: Option<mpsc::Sender<Change<SocketAddr, Endpoint>>>,
}

impl Endpoints {
    /// Nobody yet, and connections for the callers.
    async fn new(plan: &Plan, way: Way) -> Result<(Self, Vec<Channel>), Failure> {
        let mut endpoints = Self {
            ready: Mutex::default(),
            envoy: None,
            client: None,
        };
        let channels = match way {
            Way::Envoy { retries } => {
                let envoy = Envoy::start(plan, retries).await?;
                let channels = (0..CALLERS).map(|_| envoy.channel());
                let channels = channels.collect::<Result<_, Failure>>()?;
                endpoints.envoy = Some(envoy);
                channels
            }
            Way::Client => {
                let (channel, changes) = Channel::balance_channel(CALLERS);
                endpoints.client = Some(changes);
                vec![channel]
            }
        };
        Ok((endpoints, channels))
    }

    async fn add(&self, server: SocketAddr) -> Result<(), Failure> {
        self.ready().push(server);
        let endpoint = Endpoint::from_shared(format!("http://{server}"))?;
        self.tell(Change::Insert(server, endpoint)).await
    }

    async fn remove(&self, server: SocketAddr) -> Result<(), Failure> {
        self.ready().retain(|ready| *ready != server);
        self.tell(Change::Remove(server)).await
    }

    async fn tell(&self, change: Change<SocketAddr, Endpoint>) -> Result<(), Failure> {
        if let Some(envoy) = &self.envoy {
            envoy.name(&self.ready())?;
        }
        if let Some(client) = &self.client {
            client.send(change).await?;
        }
        Ok(())
    }

    fn ready(&self) -> MutexGuard<'_, Vec<SocketAddr>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server and the kubelet's view of it.
struct Pod {
    child: Child,
    probe: JoinHandle<()>,
}

impl Pod {
    /// Starts a server; it gets calls once its probes have succeeded.
    async fn start(
        plan: &Plan,
        chart: Chart,
        endpoints: &Endpoints,
        probes: &Arc<Probes>,
    ) -> Result<Self, Failure> {
        let began = Instant::now();
        let grace = chart.grace.as_secs().to_string();
        let arguments = ["--workers", "1", "--grace-seconds", &grace];
        let child = Child::start(plan, &arguments).await?;
        // The probes know no moment between their questions.
        let mut asks = began;
        while asks < Instant::now() {
            asks += chart.startup_period;
        }
        sleep_until(asks).await;
        let channel = child.channel()?;
        if !is_ready(&channel, chart.readiness_timeout).await {
            return Err("a server that says it serves is not ready".into());
        }
        endpoints.add(child.grpc).await?;
        let probe = tokio::spawn(ask_on(channel, chart, Arc::clone(probes)));
        Ok(Self { child, probe })
    }

    /// Its end: it leaves the endpoints, waits, is asked to go, and has to be gone in time.
    async fn terminate(mut self, chart: Chart, endpoints: Arc<Endpoints>) -> Result<(), Failure> {
        let began = Instant::now();
        self.probe.abort();
        sleep(NEWS.min(chart.pre_stop)).await;
        endpoints.remove(self.child.grpc).await?;
        sleep_until(began + chart.pre_stop).await;
        self.child.signal("TERM")?;
        let left = chart.termination.saturating_sub(began.elapsed());
        let status = self.child.ended(left).await?;
        match status.code() {
            Some(0) => Ok(()),
            _ => Err(format!("a pod ended with {status}").into()),
        }
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.probe.abort();
    }
}

/// The readiness probe of a pod that is ready.
async fn ask_on(channel: Channel, chart: Chart, probes: Arc<Probes>) {
    let mut ticks = interval(chart.readiness_period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let is_ready = is_ready(&channel, chart.readiness_timeout).await;
        probes.asked.fetch_add(1, Ordering::Relaxed);
        if !is_ready {
            probes.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn is_ready(channel: &Channel, within: Duration) -> bool {
    let mut health = HealthClient::new(channel.clone());
    let asked = health.check(HealthCheckRequest::default());
    match timeout(within, asked).await {
        Ok(Ok(answer)) => answer.into_inner().status() == ServingStatus::Serving,
        _ => false,
    }
}
