//! Callers who do not keep to the protocol, by mistake or on purpose: whoever does is served as before.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    Failure,
    child::Child,
    load::{self, Caller, Latencies, Outcome, Sample, open_loop},
    plan::{PATIENCE, Plan},
    row::Row,
    texts, wire,
};

/// Connections that an attack holds at a time.
const AT_A_TIME: usize = 64;

/// How long an attacker listens for an answer.
const LISTENS: Duration = Duration::from_millis(200);

/// Peers of the slow attack, and the time between two bytes of one.
const SLOW_PEERS: usize = 500;
const SLOW_BYTE: Duration = Duration::from_millis(300);

/// Calls that one connection makes at once, and how long their random bodies are at most.
const CALLS: u32 = 40;
const BODY_BYTES: usize = 1024;

/// Streams that one connection opens and resets at once.
const RESETS: u32 = 400;

/// Bytes sent on one connection, at a steady rate of connections, and how many malformed messages they hold. The rates are such that what the attackers themselves compute on
/// the same machine does not matter.
struct Attack {
    name: &'static str,
    done: &'static str,
    per_second: f64,
    messages: u32,
    bytes: fn(&mut fastrand::Rng) -> Vec<u8>,
}

const ATTACKS: [Attack; 7] = [
    Attack {
        name: "malformed: random messages",
        done: "messages of random bytes in good frames, to calls and streams",
        per_second: 100.0,
        messages: CALLS,
        bytes: |chance| {
            calls(|stream| {
                let method = *chance.choice(&["Tag", "TagStream"]).unwrap_or(&"Tag");
                let content = random_bytes(chance, BODY_BYTES);
                call(stream, method, &[], &wire::message(0, &content))
            })
        },
    },
    Attack {
        name: "malformed: truncated frames",
        done: "frames and messages that end before their length, then silence or the end",
        per_second: 100.0,
        messages: 1,
        bytes: |chance| {
            let content = random_bytes(chance, 512);
            let mut message = wire::message(0, &content);
            if chance.bool() {
                // The message promises more than the stream brings.
                message.truncate(chance.usize(1..=message.len()));
                return calls_once(call(1, "Tag", &[], &message));
            }
            let mut bytes = calls_once(call(1, "Tag", &[], &message));
            bytes.truncate(chance.usize(wire::PREFACE.len()..bytes.len()));
            bytes
        },
    },
    Attack {
        name: "malformed: compression flags",
        done: "compressed messages that are none, without and with an encoding, and unknown flags",
        per_second: 100.0,
        messages: CALLS,
        bytes: |chance| {
            let encodings: [&[u8]; 4] = [b"gzip", b"identity", b"br", b"\xff\xfe"];
            calls(|stream| {
                let encoding = *chance.choice(&encodings).unwrap_or(&encodings[0]);
                let message = wire::message(chance.u8(1..), &random_bytes(chance, BODY_BYTES));
                let headers = [("grpc-encoding", encoding)];
                let headers = if chance.bool() { &headers[..] } else { &[] };
                call(stream, "Tag", headers, &message)
            })
        },
    },
    Attack {
        name: "malformed: oversized headers",
        done: "headers of 20 KB to 2 MB",
        per_second: 20.0,
        messages: 1,
        bytes: |chance| {
            let value = vec![b'x'; chance.usize(20_000..2_000_000)];
            calls_once(call(
                1,
                "Tag",
                &[("x-large", &value)],
                &wire::message(0, &[]),
            ))
        },
    },
    Attack {
        name: "malformed: random frames",
        done: "random frames behind a good preface, and random bytes in its place",
        per_second: 100.0,
        messages: 1,
        bytes: |chance| {
            if chance.u8(..4) == 0 {
                return random_bytes(chance, 2048);
            }
            let mut bytes = wire::greeting();
            for _ in 0..chance.usize(1..20) {
                let payload = random_bytes(chance, 64);
                let stream = chance.u32(..8);
                let frame = wire::frame(chance.u8(..12), chance.u8(..), stream, &payload);
                bytes.extend(frame);
            }
            bytes
        },
    },
    Attack {
        name: "malformed: rapid reset",
        done: "400 calls a connection, each reset as soon as it is sent",
        per_second: 5.0,
        messages: RESETS,
        bytes: |_| {
            let mut bytes = wire::greeting();
            for number in 0..RESETS {
                let stream = 2 * number + 1;
                bytes.extend(wire::head(stream, "Tag", &[]));
                bytes.extend(wire::reset(stream));
            }
            bytes
        },
    },
    Attack {
        name: "malformed: endless headers",
        done: "headers in more and more frames that never end",
        per_second: 20.0,
        messages: 1,
        bytes: |_| {
            let mut bytes = wire::greeting();
            bytes.extend(wire::frame(wire::HEADERS, 0, 1, &[]));
            for _ in 0..2000 {
                bytes.extend(wire::frame(wire::CONTINUATION, 0, 1, b"\x00\x01a\x01b"));
            }
            bytes
        },
    },
];

/// A greeting and many calls.
fn calls(mut call: impl FnMut(u32) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = wire::greeting();
    for number in 0..CALLS {
        bytes.extend(call(2 * number + 1));
    }
    bytes
}

/// A greeting and one call.
fn calls_once(call: Vec<u8>) -> Vec<u8> {
    let mut bytes = wire::greeting();
    bytes.extend(call);
    bytes
}

/// A call with this body.
fn call(stream: u32, method: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Vec<u8> {
    let mut bytes = wire::head(stream, method, headers);
    bytes.extend(wire::frame(wire::DATA, wire::END_STREAM, stream, body));
    bytes
}

fn random_bytes(chance: &mut fastrand::Rng, most: usize) -> Vec<u8> {
    let length = chance.usize(..most);
    std::iter::repeat_with(|| chance.u8(..))
        .take(length)
        .collect()
}

/// Each attack by itself beside an honest caller, and what is left of all of them.
pub async fn malformed(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let mut child = Child::start(plan, &["--first-byte-seconds", "2"]).await?;
    let honest = Honest::new(Caller::new(child.channel()?)).await?;
    let files = child.files()?;
    let (mut rows, mut all) = (Vec::new(), 0);
    for (number, attack) in ATTACKS.iter().enumerate() {
        let mut chance = plan.chance(100 + number as u64);
        let sent = Arc::new(AtomicUsize::new(0));
        let attackers = attack_on(child.grpc, attack, &mut chance, Arc::clone(&sent));
        let mut row = beside(plan, &mut child, &honest, attack.name, attackers).await?;
        let sent = sent.load(Ordering::Relaxed);
        all += sent;
        row.done = format!("{sent} of them: {}", attack.done);
        rows.push(row);
    }
    let attackers = slow_peers(child.grpc);
    let mut row = beside(
        plan,
        &mut child,
        &honest,
        "malformed: slow peers",
        attackers,
    )
    .await?;
    row.done = format!(
        "{SLOW_PEERS} connections that send a byte of the preface every {} ms, or nothing behind it, and come again",
        SLOW_BYTE.as_millis()
    );
    rows.push(row);

    let began = Instant::now();
    let mut now = child.files()?;
    while now > files && began.elapsed() < Duration::from_secs(20) {
        sleep(Duration::from_millis(100)).await;
        now = child.files()?;
    }
    let panics = child.log().panics;
    rows.push(Row {
        name: "malformed: what is left",
        done: format!("after all of these, {all} malformed messages"),
        figure: format!("{files} open files before, {now} after; {panics} panics"),
        bound: "no more open files than before, no panic",
        passed: now <= files && panics == 0 && child.is_alive(),
    });
    Ok(rows)
}

/// A caller who keeps to the protocol, and hardly fills the server.
struct Honest {
    caller: Caller,
    per_second: f64,
}

impl Honest {
    async fn new(caller: Caller) -> Result<Self, Failure> {
        let per_second = load::easy_rate(&caller).await?;
        Ok(Self { caller, per_second })
    }

    async fn calls(&self, plan: &Plan, purpose: u64) -> Vec<Sample> {
        let length = plan.seconds(10.0).max(Duration::from_secs(2));
        let times = load::even(self.per_second, length, &mut plan.chance(purpose));
        open_loop(times, |_| {
            let caller = self.caller.clone();
            async move { caller.tag(texts::SENTENCE, PATIENCE).await }
        })
        .await
    }
}

/// How an honest caller fares before and during an attack; the caller of this says what was done.
async fn beside(
    plan: &Plan,
    child: &mut Child,
    honest: &Honest,
    name: &'static str,
    attackers: impl Future<Output = ()> + Send + 'static,
) -> Result<Row, Failure> {
    let before = honest.calls(plan, 7).await;
    let mut attack = JoinSet::new();
    let ended = Arc::new(AtomicBool::new(false));
    let note = Arc::clone(&ended);
    attack.spawn(async move {
        attackers.await;
        note.store(true, Ordering::Relaxed);
    });
    // The attack is under way when the honest caller begins.
    sleep(Duration::from_millis(500)).await;
    let during = honest.calls(plan, 8).await;
    let lasted = !ended.load(Ordering::Relaxed);
    attack.shutdown().await;

    let answered = |outcome: &Outcome| outcome.is_answered();
    let normal = Latencies::of(&before, answered).median();
    let median = Latencies::of(&during, answered).median();
    let (Some(normal), Some(median)) = (normal, median) else {
        return Err(format!("{name}: the honest caller gets no answer").into());
    };
    let whole = during.iter().all(|sample| answered(&sample.outcome));
    let panics = child.log().panics;
    let alive = child.is_alive();
    let mut notes = String::new();
    for (is_so, note) in [
        (!whole, "; not all calls answered"),
        (!lasted, "; the attack ended early"),
        (panics > 0, "; a panic"),
        (!alive, "; the process is gone"),
    ] {
        if is_so {
            notes.push_str(note);
        }
    }
    Ok(Row {
        name,
        done: String::new(),
        figure: format!(
            "{:.2} times; median {normal:.1} ms before, {median:.1} ms beside{notes}",
            median / normal
        ),
        bound: "median of an honest caller ≤ 1.5 times; all its calls answered; no panic",
        passed: median <= 1.5 * normal && notes.is_empty(),
    })
}

/// Sends what an attack consists of, on ever new connections, until it is dropped.
fn attack_on(
    address: SocketAddr,
    attack: &'static Attack,
    chance: &mut fastrand::Rng,
    sent: Arc<AtomicUsize>,
) -> impl Future<Output = ()> + Send + 'static {
    let mut chance = chance.fork();
    async move {
        let places = Arc::new(Semaphore::new(AT_A_TIME));
        let start = Instant::now();
        let mut connections = JoinSet::new();
        let mut number = 0;
        loop {
            sleep_until(start + Duration::from_secs_f64(number as f64 / attack.per_second)).await;
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let bytes = (attack.bytes)(&mut chance);
            let sent = Arc::clone(&sent);
            connections.spawn(async move {
                let _place = place;
                // How the server ends it is its own affair.
                let _ = timeout(Duration::from_secs(2), send(address, &bytes)).await;
                sent.fetch_add(attack.messages as usize, Ordering::Relaxed);
            });
            while connections.try_join_next().is_some() {}
            number += 1;
        }
    }
}

/// Sends bytes and listens for a while.
async fn send(address: SocketAddr, bytes: &[u8]) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let (mut input, mut output) = stream.split();
    let listen = async {
        let mut answer = [0; 4096];
        while input.read(&mut answer).await? > 0 {}
        Ok(())
    };
    let speak = async {
        output.write_all(bytes).await?;
        sleep(LISTENS).await;
        Ok(())
    };
    // Whichever comes first: the server closes the connection, or the attacker has waited long enough.
    tokio::select! {
        ended = listen => ended,
        ended = speak => ended,
    }
}

/// Peers that hold connections and hardly say anything, until this is dropped.
async fn slow_peers(address: SocketAddr) {
    let mut peers = JoinSet::new();
    for number in 0..SLOW_PEERS {
        peers.spawn(async move {
            loop {
                // A closed connection is opened again.
                let _ = slow_peer(address, number % 2 == 0).await;
                sleep(SLOW_BYTE).await;
            }
        });
    }
    peers.join_all().await;
}

async fn slow_peer(address: SocketAddr, greets: bool) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    if greets {
        // A good beginning, and then nothing.
        stream.write_all(&wire::greeting()).await?;
        let mut answer = [0; 1024];
        while stream.read(&mut answer).await? > 0 {}
        return Ok(());
    }
    for byte in wire::PREFACE {
        stream.write_all(&[*byte]).await?;
        sleep(SLOW_BYTE).await;
    }
    Ok(())
}
