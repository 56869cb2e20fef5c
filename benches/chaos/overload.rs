//! More than the server can do: what is too much is refused at once, the rest is done at full pace, and nobody's bulk
//! stands in another's way.

use std::time::Duration;

use tagwerk::server::auth::hash_of;

use super::{
    Failure,
    child::Child,
    k6,
    load::{self, Caller, Latencies, ONE_PASS, Outcome, Sample, closed_loop, open_loop},
    plan::Plan,
    row::Row,
    texts,
};

/// Callers of the closed loop that measures the capacity.
const CALLERS: usize = 16;

/// How many times the capacity is sent.
const OVERLOAD: f64 = 5.0;

/// How long a call under overload is of use.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long a call may take that no overload hurries.
const AMPLE: Duration = Duration::from_secs(60);

/// What is done at five times the capacity, what is refused, and what is promised and not kept.
pub async fn overload(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let child = Child::start(plan, &[]).await?;
    let text = texts::report()?;
    // Several connections, since each takes a limited number of calls.
    let callers: Vec<Caller> = (0..8)
        .map(|_| Ok(Caller::new(child.channel()?).asking_for(ONE_PASS)))
        .collect::<Result<_, Failure>>()?;
    let before = capacity(plan, &callers, &text).await?;

    // The queue fills in the first seconds; what counts comes after.
    let filling = DEADLINE;
    let length = filling + plan.seconds(60.0).max(Duration::from_secs(8));
    let times = load::random(OVERLOAD * before, length, &mut plan.chance(1));
    let sent = times.len();
    let samples = open_loop(times, |number| {
        let caller = callers[number % callers.len()].clone();
        let text = text.clone();
        async move { caller.tag(&text, DEADLINE).await }
    })
    .await;
    let by_k6 = k6::offer(plan, &child, &text, OVERLOAD * before, DEADLINE, length).await?;
    let after = capacity(plan, &callers, &text).await?;

    let capacity = f64::midpoint(before, after);
    let goodput = load::rate(&samples, filling, length).unwrap_or(0.0);
    let refused = Latencies::of(&samples, Outcome::is_refused);
    let count = |counts: fn(&Outcome) -> bool| count(&samples, counts);
    let (timed_out, answered) = (count(Outcome::is_timed_out), count(Outcome::is_answered));
    let (failed, first) = load::failures(&samples);
    let done = format!(
        "{sent} calls of {} bytes in {:.0} s, {OVERLOAD:.0} times the capacity, open loop, deadline {} s",
        text.len(),
        length.as_secs_f64(),
        DEADLINE.as_secs()
    );
    let to_refusal = refused.median();
    let mut rows = vec![
        Row {
            name: "overload: goodput",
            done: done.clone(),
            figure: format!(
                "{:.3} ({goodput:.1} of {capacity:.1} documents/s; {before:.1} before, {after:.1} after)",
                goodput / capacity
            ),
            bound: "≥ 0.95 of the capacity",
            passed: goodput >= 0.95 * capacity,
        },
        Row {
            name: "overload: time to a refusal",
            done: done.clone(),
            figure: format!(
                "median {}, p99 {} of {} refusals",
                milliseconds(to_refusal),
                milliseconds(refused.quantile(0.99)),
                count(Outcome::is_refused)
            ),
            bound: "median < 20 ms",
            passed: to_refusal.is_some_and(|median| median < 20.0),
        },
        Row {
            name: "overload: admitted calls",
            done,
            figure: format!(
                "{timed_out} timed out, {failed} failed, {answered} answered{}",
                first.map_or(String::new(), |first| format!("; {first}"))
            ),
            bound: "none times out or fails",
            passed: timed_out == 0 && failed == 0 && answered > 0,
        },
    ];
    rows.extend(by_k6.map(|offered| offered.row(capacity)));
    Ok(rows)
}

/// Documents per second of a few callers that never pause.
async fn capacity(plan: &Plan, callers: &[Caller], text: &str) -> Result<f64, Failure> {
    // Shorter than this says little about documents that take a tenth of a second.
    let warm = Duration::from_secs(2);
    let length = warm + plan.seconds(16.0).max(Duration::from_secs(8));
    let (callers, text) = (callers.to_vec(), text.to_owned());
    let samples = closed_loop(CALLERS, length, move |number| {
        let caller = callers[number % callers.len()].clone();
        let text = text.clone();
        async move { caller.tag(&text, AMPLE).await }
    })
    .await;
    if let (1.., Some(first)) = load::failures(&samples) {
        return Err(format!("a call of the closed loop failed: {first}").into());
    }
    let rate = load::rate(&samples, warm, length);
    Ok(rate.ok_or("too few answers to know the capacity; use a larger --scale")?)
}

/// How long a short call takes alone, and beside somebody's articles at full speed.
pub async fn fairness(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let folder = plan.folder("fairness")?;
    let keys: String = ["desk", "archive"]
        .map(|name| {
            format!(
                "[[key]]\nname = \"{name}\"\nsha256 = \"{}\"\n",
                hash_of(name)
            )
        })
        .concat();
    let keys = folder.write("keys.toml", &keys)?;
    let child = Child::start(plan, &["--auth-keys", &keys]).await?;
    let desk = Caller::new(child.channel()?).with_key("desk")?;
    let archive = Caller::new(child.channel()?).with_key("archive")?;
    let per_second = load::easy_rate(&desk).await?;

    let alone = sentences(plan, &desk, per_second, 2).await;
    let flood = archive.flood(texts::articles()?);
    let busy = |tokens| tokens > 0.0;
    if !child.reaches("tagwerk_queue_tokens", busy, AMPLE).await? {
        return Err("the bulk stream does not fill the queue".into());
    }
    let answered = flood.answered();
    let began = std::time::Instant::now();
    let beside = sentences(plan, &desk, per_second, 3).await;
    let bulk = (flood.answered() - answered) as f64 / began.elapsed().as_secs_f64();
    let whole = flood.is_running()
        && count(&alone, Outcome::is_answered) == alone.len()
        && count(&beside, Outcome::is_answered) == beside.len();

    let (calls, first) = (alone.len(), load::failures(&beside).1);
    let alone = Latencies::of(&alone, Outcome::is_answered);
    let beside = Latencies::of(&beside, Outcome::is_answered);
    let (Some(typical), Some(worst)) = (alone.median(), beside.quantile(0.99)) else {
        return Err("no call was answered".into());
    };
    Ok(vec![Row {
        name: "fairness",
        done: format!(
            "{calls} calls of one sentence, {per_second:.1}/s, open loop; as many beside a stream of \
             articles of another caller ({bulk:.1} articles/s)"
        ),
        figure: format!(
            "{:.1} times; alone p50 {typical:.1} ms, p99 {}; beside p50 {}, p99 {worst:.1} ms{}",
            worst / typical,
            milliseconds(alone.quantile(0.99)),
            milliseconds(beside.median()),
            match (whole, first) {
                (true, _) => String::new(),
                (false, Some(first)) => format!("; not all answered: {first}"),
                (false, None) => "; not all answered".to_owned(),
            }
        ),
        bound: "p99 beside ≤ 4 times p50 alone; all answered",
        passed: whole && worst <= 4.0 * typical,
    }])
}

async fn sentences(plan: &Plan, caller: &Caller, per_second: f64, purpose: u64) -> Vec<Sample> {
    let length = plan.seconds(30.0).max(Duration::from_secs(8));
    let times = load::even(per_second, length, &mut plan.chance(purpose));
    open_loop(times, |_| {
        let caller = caller.clone();
        async move { caller.tag(texts::SENTENCE, AMPLE).await }
    })
    .await
}

fn count(samples: &[Sample], counts: impl Fn(&Outcome) -> bool) -> usize {
    samples
        .iter()
        .filter(|sample| counts(&sample.outcome))
        .count()
}

/// A time for people.
pub fn milliseconds(time: Option<f64>) -> String {
    time.map_or("none".to_owned(), |time| format!("{time:.1} ms"))
}
