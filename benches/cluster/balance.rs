//! One, two and four servers, each with one worker on one CPU, behind Envoy and behind gRPC's own round robin.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{self, Command, Stdio},
    thread,
    time::{Duration, Instant},
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
    tools::{Running, busy_seconds, in_checkout, tool},
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

/// Time between looks at what is waited for.
const LOOK: Duration = Duration::from_millis(5);

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
    /// The share of the servers' CPUs that others have used: callers, proxy and whoever else.
    taken: f64,
    /// The tokens that each server has read.
    read: Vec<f64>,
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
        let others = match cpus.get(CPUS..) {
            Some(rest @ [_, ..]) => rest,
            _ if servers.len() == 1 => &cpus[1..],
            _ => cpus,
        };
        bind(process::id(), others)?;
        let before = tokens(servers).await?;
        let (samples, taken) = match self {
            Self::Envoy(envoy) => {
                bind(envoy.id(), others)?;
                through(envoy, servers, length).await?
            }
            Self::RoundRobin => by_client(plan, servers, length).await?,
        };
        let after = tokens(servers).await?.into_iter();
        let read = after.zip(before).map(|(after, before)| after - before);
        let rate = load::rate(&samples, WARM, length).ok_or("too few answers")?;
        let answered = samples.iter().filter(|sample| sample.outcome.is_answered());
        Ok(Load {
            rate: rate / (1.0 - taken),
            taken,
            read: read.collect(),
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
                Self::Envoy(_) => "examples/envoy.yaml, which picks the least busy of all",
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
        let [uneven, more_uneven] = [two, four].map(unevenness);
        let all = || [one, two, four].into_iter().flatten();
        let failed: usize = all().map(|load| load.failed).sum();
        let first = all().find_map(|load| load.first.as_ref());
        vec![
            Row {
                name: names[0],
                done: done("two servers on two CPUs against one on one"),
                figure: format!(
                    "{:.2} times ({from:.2} and {to:.2} documents/s; {:.1} % of the CPUs, taken by callers, \
                     proxy and others, left out); {failed} calls failed{}",
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
                    "the busiest read {:.1} % more than the idlest of two, {:.1} % of four",
                    100.0 * uneven,
                    100.0 * more_uneven
                ),
                bound: "≤ 10 % of the mean",
                passed: uneven <= 0.1 && more_uneven <= 0.1,
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

/// Calls of this harness through Envoy, and what others have taken of the CPUs.
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
    let (samples, taken) = tokio::join!(load, taken(servers, length));
    Ok((samples, taken?))
}

/// The share of the servers' CPUs that others use in what counts of a load that begins now.
async fn taken(servers: &[Child], length: Duration) -> Result<f64, Failure> {
    let cpus = servers.len().min(CPUS);
    let others = || {
        let own: f64 = servers
            .iter()
            .map(Child::cpu_seconds)
            .sum::<Result<_, _>>()?;
        Ok::<f64, Failure>(busy_seconds(cpus)? - own)
    };
    sleep(WARM).await;
    let before = others()?;
    sleep(length - WARM).await;
    let share = (others()? - before) / (cpus as f64 * (length - WARM).as_secs_f64());
    Ok(share.clamp(0.0, 1.0))
}

/// What `client.py` writes.
#[derive(Debug, Deserialize)]
struct Called {
    ended: Vec<f64>,
    failed: Vec<String>,
}

/// Calls of a client that spreads them itself, and what others have taken of the CPUs.
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
        length.as_secs_f64().to_string(),
        output.clone(),
    ];
    let log = folder.path("client.log");
    let mut client = Running::start(&python, arguments, Path::new(&log))?;
    let began = Instant::now();
    while client.last_line() != "calling" {
        if !client.is_alive() || began.elapsed() > PATIENCE {
            return Err(format!("the client does not call: {}", client.last_line()).into());
        }
        sleep(LOOK).await;
    }
    let taken = taken(servers, length).await?;
    client.succeeded(PATIENCE).await?;
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
    Ok((samples.collect(), taken))
}

/// The tokens that each server has read so far.
async fn tokens(servers: &[Child]) -> Result<Vec<f64>, Failure> {
    let mut tokens = Vec::new();
    for server in servers {
        tokens.push(server.metric("tagwerk_tokens_total").await?);
    }
    Ok(tokens)
}

/// How much more tokens the busiest server has read than the idlest in all loads, of their mean.
fn unevenness(loads: &[Load]) -> f64 {
    let servers = loads.first().map_or(0, |load| load.read.len());
    let read = |server: usize| loads.iter().map(|load| load.read[server]).sum();
    let read: Vec<f64> = (0..servers).map(read).collect();
    let mean = read.iter().sum::<f64>() / read.len() as f64;
    let largest = read.iter().copied().fold(f64::MIN, f64::max);
    let smallest = read.iter().copied().fold(f64::MAX, f64::min);
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
