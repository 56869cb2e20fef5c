//! One, two and four servers, each with one worker on one CPU, behind Envoy and behind gRPC's own round robin.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{self, Command, Stdio},
    thread,
    time::Duration,
};

use prost::Message as _;
use serde::Deserialize;
use tagwerk::proto::tagwerk::v1::{Document, TagRequest};
use tokio::time::sleep;

use super::{
    Failure,
    child::Child,
    envoy::Envoy,
    load::{self, Caller, Outcome, Sample, closed_loop},
    plan::{PATIENCE, Plan},
    row::Row,
    texts,
    tools::{Running, cpu_seconds, in_checkout, tool},
};

/// CPUs with servers on them.
const CPUS: usize = 2;

/// How many servers are compared.
const SERVERS: [usize; 3] = [1, 2, 4];

/// Callers for each server, who never pause.
const CALLERS: usize = 8;

/// How often each number of servers is measured, in turn.
const ROUNDS: usize = 3;

/// How long a call may take that waits behind others.
const AMPLE: Duration = Duration::from_secs(60);

/// Time before what counts.
const WARM: Duration = Duration::from_secs(2);

/// Who spreads the calls.
enum Means {
    Envoy(Box<Envoy>),
    RoundRobin,
}

/// What came of one load.
#[derive(Debug, Clone, Default)]
struct Load {
    /// Documents per second, as if the servers had had their CPUs for themselves.
    rate: f64,
    /// The share of the servers' CPUs that callers and proxy have used.
    taken: f64,
    /// How much more tokens the busiest server has read than the idlest, of their mean.
    unevenness: f64,
    failed: usize,
    first: Option<String>,
}

/// What two servers do more than one, and how evenly.
pub async fn balance(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let cpus = thread::available_parallelism()?.get();
    if cpus < CPUS {
        return Err(format!("it takes {CPUS} CPUs").into());
    }
    // In the form that `taskset` takes.
    let cpus: Vec<String> = (0..cpus).map(|cpu| cpu.to_string()).collect();
    let mut servers = Vec::new();
    for number in 0..SERVERS.into_iter().max().unwrap_or(0) {
        let arguments = ["--workers", "1"];
        servers.push(Child::start_on(plan, number % CPUS, &arguments).await?);
    }
    let mut rows = Vec::new();
    for means in [
        Means::Envoy(Box::new(Envoy::start(plan, false).await?)),
        Means::RoundRobin,
    ] {
        let measured = means.measure(plan, &servers, &cpus).await;
        // The harness may have been bound to some of them.
        bind(process::id(), &cpus)?;
        rows.extend(measured?);
    }
    Ok(rows)
}

impl Means {
    /// The numbers of servers in turn, again and again.
    async fn measure(
        &self,
        plan: &Plan,
        servers: &[Child],
        cpus: &[String],
    ) -> Result<Vec<Row>, Failure> {
        let mut loads = [const { Vec::new() }; SERVERS.len()];
        for _ in 0..plan.count(ROUNDS, 1) {
            for (count, loads) in SERVERS.into_iter().zip(&mut loads) {
                let servers = servers.get(..count).ok_or("too few servers")?;
                loads.push(self.load(plan, servers, cpus).await?);
            }
        }
        let [one, two, four] = loads;
        Ok(self.rows(plan, &one, &two, &four))
    }

    async fn load(&self, plan: &Plan, servers: &[Child], cpus: &[String]) -> Result<Load, Failure> {
        let length = WARM + plan.seconds(14.0).max(Duration::from_secs(5));
        // Alone, a server has its CPU for itself; with servers on two, callers share them unless there are more.
        let (others, shared) = match cpus.get(CPUS..) {
            Some(rest @ [_, ..]) => (rest, 0),
            _ if servers.len() == 1 => (&cpus[1..], 0),
            _ => (cpus, CPUS),
        };
        bind(process::id(), others)?;
        let before = tokens(servers).await?;
        let (samples, used) = match self {
            Self::Envoy(envoy) => {
                bind(envoy.id(), others)?;
                through(envoy, servers, length).await?
            }
            Self::RoundRobin => by_client(plan, servers, length).await?,
        };
        let read: Vec<f64> = tokens(servers)
            .await?
            .into_iter()
            .zip(before)
            .map(|(after, before)| after - before)
            .collect();
        let taken = match shared {
            0 => 0.0,
            cpus => used / (cpus as f64 * (length - WARM).as_secs_f64()),
        };
        let rate = load::rate(&samples, WARM, length).ok_or("too few answers")?;
        let answered = samples.iter().filter(|sample| sample.outcome.is_answered());
        Ok(Load {
            rate: rate / (1.0 - taken),
            taken,
            unevenness: unevenness(&read),
            failed: samples.len() - answered.count(),
            first: samples
                .iter()
                .find(|sample| !sample.outcome.is_answered())
                .map(|sample| format!("{:?}", sample.outcome)),
        })
    }

    fn rows(&self, plan: &Plan, one: &[Load], two: &[Load], four: &[Load]) -> Vec<Row> {
        let done = |what: &str| {
            let by = match self {
                Self::Envoy(_) => "examples/envoy.yaml, which picks the least busy of two",
                Self::RoundRobin => "a client in Python (grpcio) with the policy round_robin",
            };
            format!(
                "{what}; {by}; reports of one length, {CALLERS} callers a server in a closed loop, one worker a \
                 server, bound to one CPU; median of {} loads each, in turn",
                plan.count(ROUNDS, 1)
            )
        };
        let names = match self {
            Self::Envoy(_) => [
                "balance: throughput behind Envoy",
                "balance: even load behind Envoy",
                "balance: two servers a CPU behind Envoy",
            ],
            Self::RoundRobin => [
                "balance: throughput by round robin",
                "balance: even load by round robin",
                "balance: two servers a CPU by round robin",
            ],
        };
        let [from, to, doubled] = [one, two, four].map(|loads| median(loads, |load| load.rate));
        let taken = |loads: &[Load]| 100.0 * median(loads, |load| load.taken);
        let worst = |loads: &[Load]| {
            let uneven = loads.iter().map(|load| load.unevenness);
            100.0 * uneven.fold(0.0, f64::max)
        };
        let all = || [one, two, four].into_iter().flatten();
        let failed: usize = all().map(|load| load.failed).sum();
        let first = all().find_map(|load| load.first.as_ref());
        vec![
            Row {
                name: names[0],
                done: done("two servers on two CPUs against one on one"),
                figure: format!(
                    "{:.2} times ({from:.2} and {to:.2} documents/s; {:.1} % of the two CPUs taken by callers and \
                     proxy left out); {failed} calls failed{}",
                    to / from,
                    taken(two),
                    first.map_or(String::new(), |first| format!("; {first}"))
                ),
                bound: "≥ 1.9 times one; none fails",
                passed: to >= 1.9 * from && failed == 0,
            },
            Row {
                name: names[1],
                done: done("tokens that each server has read, by its metrics"),
                figure: format!(
                    "the busiest read {:.1} % more than the idlest of two, {:.1} % of four, in the worst load",
                    worst(two),
                    worst(four)
                ),
                bound: "≤ 10 % of the mean",
                passed: worst(two) <= 10.0 && worst(four) <= 10.0,
            },
            Row {
                name: names[2],
                done: done("four servers on two CPUs against two on the same"),
                figure: format!(
                    "{:.2} times ({to:.2} and {doubled:.2} documents/s; {:.1} % of the CPUs left out)",
                    doubled / to,
                    taken(four)
                ),
                bound: "≥ 0.9 times two: more servers than CPUs cost little",
                passed: doubled >= 0.9 * to,
            },
        ]
    }
}

/// Calls of this harness through Envoy, and the seconds of a CPU that both have used in what counts.
async fn through(
    envoy: &Envoy,
    servers: &[Child],
    length: Duration,
) -> Result<(Vec<Sample>, f64), Failure> {
    let addresses: Vec<SocketAddr> = servers.iter().map(|server| server.grpc).collect();
    envoy.name(&addresses)?;
    envoy.knows(addresses.len()).await?;
    let callers = CALLERS * servers.len();
    let text = texts::report()?;
    let connections: Vec<Caller> = (0..servers.len())
        .map(|_| Ok(Caller::new(envoy.channel()?)))
        .collect::<Result<_, Failure>>()?;
    let load = closed_loop(callers, length, move |number| {
        let caller = connections[number % connections.len()].clone();
        let text = text.clone();
        async move { caller.tag(&text, AMPLE).await }
    });
    let used = || Ok::<f64, Failure>(cpu_seconds(process::id())? + cpu_seconds(envoy.id())?);
    let watch = async {
        sleep(WARM).await;
        let before = used()?;
        sleep(length - WARM).await;
        Ok::<f64, Failure>(used()? - before)
    };
    let (samples, used) = tokio::join!(load, watch);
    Ok((samples, used?))
}

/// What `client.py` writes.
#[derive(Debug, Deserialize)]
struct Called {
    ended: Vec<f64>,
    failed: Vec<String>,
    cpu_seconds: f64,
}

/// Calls of a client that spreads them itself, and the seconds of a CPU that it has used in what counts.
async fn by_client(
    plan: &Plan,
    servers: &[Child],
    length: Duration,
) -> Result<(Vec<Sample>, f64), Failure> {
    let python = tool("python").ok_or("no Python (scripts/tools.sh client)")?;
    let folder = plan.folder("client")?;
    let request = TagRequest {
        document: Some(Document {
            text: texts::report()?,
            ..Document::default()
        }),
        ..TagRequest::default()
    };
    let (message, output) = (folder.path("request"), folder.path("called.json"));
    fs::write(&message, request.encode_to_vec())?;
    let addresses: Vec<String> = servers
        .iter()
        .map(|server| server.grpc.to_string())
        .collect();
    let arguments = [
        in_checkout("benches/cluster/client.py")
            .display()
            .to_string(),
        addresses.join(","),
        message,
        (CALLERS * servers.len()).to_string(),
        WARM.as_secs_f64().to_string(),
        length.as_secs_f64().to_string(),
        output.clone(),
    ];
    let log = folder.path("client.log");
    let mut client = Running::start(&python, arguments, Path::new(&log))?;
    client.succeeded(length + PATIENCE).await?;
    let called: Called = serde_json::from_slice(&fs::read(output)?)?;
    let answered = called.ended.into_iter().map(|ended| {
        let outcome = Outcome::Answered(Box::default());
        (Duration::from_secs_f64(ended), outcome)
    });
    let failed = called
        .failed
        .into_iter()
        .map(|reason| (length, Outcome::Lost(reason)));
    let samples = answered.chain(failed).map(|(ended, outcome)| Sample {
        ended,
        took: Duration::ZERO,
        outcome,
    });
    Ok((samples.collect(), called.cpu_seconds))
}

/// The tokens that each server has read so far.
async fn tokens(servers: &[Child]) -> Result<Vec<f64>, Failure> {
    let mut tokens = Vec::new();
    for server in servers {
        tokens.push(server.metric("tagwerk_tokens_total").await?);
    }
    Ok(tokens)
}

/// The largest less the smallest, of the mean.
fn unevenness(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let largest = values.iter().copied().fold(f64::MIN, f64::max);
    let smallest = values.iter().copied().fold(f64::MAX, f64::min);
    (largest - smallest) / mean
}

fn median(loads: &[Load], of: impl Fn(&Load) -> f64) -> f64 {
    let mut values: Vec<f64> = loads.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Binds a process with all its threads to some CPUs.
fn bind(process: u32, cpus: &[String]) -> Result<(), Failure> {
    let bound = Command::new("taskset")
        .args(["--all-tasks", "--pid", "--cpu-list", &cpus.join(",")])
        .arg(process.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    match bound.success() {
        true => Ok(()),
        false => Err(format!("process {process} can't be bound to CPUs").into()),
    }
}
