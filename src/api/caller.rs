//! Who calls, and how much of the service a caller may use.
//!
//! A quota of tokens is kept as one time, the one at which the caller's bucket is full again (the generic cell rate
//! algorithm): spending moves it on, and nothing has to be refilled.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Mutex as Turn,
    time::{Instant, sleep_until},
};

/// What a full bucket holds, in time: ten seconds' worth of tokens.
const BURST: Duration = Duration::from_secs(10);

/// When a call that came while too many others of its caller ran may be tried again.
const CALLS_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Idle callers that are remembered.
const MAX_CALLERS: usize = 100_000;

/// Remembered callers that are looked at when a new one comes, so that those who have gone do not pile up.
const LOOKED_AT: usize = 2;

/// The same where there are [`MAX_CALLERS`]: one of them has to go.
const LOOKED_AT_FULL: usize = 64;

/// How much of the service a caller may use. None is no limit; 0 counts as 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
    /// Tokens of the model a second; ten seconds' worth may be used at once.
    pub tokens_per_second: Option<u32>,
    /// Calls at a time.
    pub concurrent_calls: Option<u32>,
}

impl Quota {
    /// This quota, with another's limits where it has none.
    pub fn or(self, other: Self) -> Self {
        Self {
            tokens_per_second: self.tokens_per_second.or(other.tokens_per_second),
            concurrent_calls: self.concurrent_calls.or(other.concurrent_calls),
        }
    }

    fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}

/// A part of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaLimit {
    /// [`Quota::tokens_per_second`] with this value.
    TokensPerSecond(u32),
    /// [`Quota::concurrent_calls`] with this value.
    ConcurrentCalls(u32),
}

impl fmt::Display for QuotaLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokensPerSecond(limit) => write!(f, "{limit} tokens a second"),
            Self::ConcurrentCalls(limit) => write!(f, "{limit} calls at a time"),
        }
    }
}

/// A caller wants more than its quota allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the caller's quota of {what} is used up")]
pub struct QuotaExceeded {
    /// The limit that was reached.
    pub what: QuotaLimit,
    /// When the same may be tried again.
    pub retry_after: Duration,
}

/// Who makes a call. All calls with one id share its quota; no two ids share anything. Clones are cheap.
#[derive(Debug, Clone)]
pub struct Caller {
    id: Arc<str>,
    quota: Quota,
    account: Arc<Account>,
}

impl Caller {
    /// How the caller is known, with the kind of proof before the colon: `key:NAME`, `jwt:SUBJECT`,
    /// `certificate:SUBJECT` or `peer:ADDRESS`.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// How much the caller may use.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Begins a call, which lasts until the permit is dropped.
    ///
    /// # Errors
    /// [`QuotaLimit::ConcurrentCalls`] where as many calls run as the quota allows.
    pub fn begin_call(&self) -> Result<CallPermit, QuotaExceeded> {
        let mut usage = self.account.usage();
        if let Some(limit) = self.quota.concurrent_calls
            && usage.calls >= limit.max(1)
        {
            return Err(QuotaExceeded {
                what: QuotaLimit::ConcurrentCalls(limit),
                retry_after: CALLS_RETRY_AFTER,
            });
        }
        usage.calls = usage.calls.saturating_add(1);
        Ok(CallPermit {
            account: self.account.clone(),
        })
    }

    /// Takes the tokens of a request from the bucket. One that is larger than the bucket is let through when the
    /// bucket is full, and puts it into debt.
    ///
    /// # Errors
    /// [`QuotaLimit::TokensPerSecond`] with the time until the bucket holds enough; nothing is taken then.
    pub fn spend(&self, tokens: u32) -> Result<(), QuotaExceeded> {
        let Some(rate) = self.quota.tokens_per_second else {
            return Ok(());
        };
        self.account
            .usage()
            .spend(time_of(tokens, rate), Instant::now())
            .map_err(|retry_after| QuotaExceeded {
                what: QuotaLimit::TokensPerSecond(rate),
                retry_after,
            })
    }

    /// Takes the tokens of one request of a stream, as soon as [`Caller::spend`] would. Those who wait get their turn
    /// in the order in which they came. None waits longer than the bucket takes to fill by itself, so that single
    /// calls cannot hold a stream up for ever.
    pub async fn wait_to_spend(&self, tokens: u32) {
        let Some(rate) = self.quota.tokens_per_second else {
            return;
        };
        let time = time_of(tokens, rate);
        let _turn = self.account.turn.lock().await;
        let latest = self.account.usage().full_at;
        loop {
            let now = Instant::now();
            let wait = {
                let mut usage = self.account.usage();
                match usage.spend(time, now) {
                    Ok(()) => return,
                    Err(_) if now >= latest => return usage.owe(time, now),
                    Err(wait) => wait,
                }
            };
            sleep_until((now + wait).min(latest)).await;
        }
    }
}

/// How long the bucket takes to get so many tokens.
fn time_of(tokens: u32, rate: u32) -> Duration {
    Duration::from_nanos(u64::from(tokens) * 1_000_000_000 / u64::from(rate.max(1)))
}

/// A call in progress. Dropping it ends the call.
#[derive(Debug)]
#[must_use = "the call ends when this is dropped"]
pub struct CallPermit {
    account: Arc<Account>,
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        let mut usage = self.account.usage();
        usage.calls = usage.calls.saturating_sub(1);
    }
}

/// What all calls of one caller share.
#[derive(Debug)]
struct Account {
    usage: Mutex<Usage>,
    /// Held by the stream whose turn it is to spend.
    turn: Turn<()>,
}

#[derive(Debug)]
struct Usage {
    /// Calls in progress.
    calls: u32,
    /// When the bucket is full: tokens are missing where this is later than now.
    full_at: Instant,
}

impl Account {
    fn new() -> Self {
        let usage = Usage {
            calls: 0,
            full_at: Instant::now(),
        };
        Self {
            usage: Mutex::new(usage),
            turn: Turn::new(()),
        }
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Usage {
    /// Takes tokens worth so much time, or says how long that is not possible yet.
    fn spend(&mut self, time: Duration, now: Instant) -> Result<(), Duration> {
        let missing = self.full_at.saturating_duration_since(now);
        // A request that is larger than the bucket needs a full one.
        let allowed = BURST.saturating_sub(time);
        if missing > allowed {
            return Err(missing - allowed);
        }
        self.owe(time, now);
        Ok(())
    }

    /// Takes tokens worth so much time, whether there are any or not.
    fn owe(&mut self, time: Duration, now: Instant) {
        self.full_at = self.full_at.max(now) + time;
    }
}

/// The callers that the server remembers: those with calls in progress, and those who have used a part of their quota
/// lately. Clones share them.
#[derive(Debug, Clone)]
pub struct Callers {
    known: Arc<Mutex<Known>>,
    max_idle: usize,
}

/// Accounts by id, and the ids in the order in which they are looked at next.
#[derive(Debug, Default)]
struct Known {
    accounts: HashMap<Arc<str>, Arc<Account>>,
    order: VecDeque<Arc<str>>,
}

impl Default for Callers {
    fn default() -> Self {
        Self::new()
    }
}

impl Callers {
    /// No callers yet.
    pub fn new() -> Self {
        Self::remembering(MAX_CALLERS)
    }

    fn remembering(max_idle: usize) -> Self {
        Self {
            known: Arc::default(),
            max_idle,
        }
    }

    /// The caller with this id. What it has used is counted against the quota given here, whichever it had before.
    pub fn caller(&self, id: impl Into<Arc<str>>, quota: Quota) -> Caller {
        let id = id.into();
        let account = if quota.is_unlimited() {
            // Nothing has to be remembered of it.
            Arc::new(Account::new())
        } else {
            self.lock().account(&id, self.max_idle)
        };
        Caller { id, quota, account }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn account(&mut self, id: &Arc<str>, max_idle: usize) -> Arc<Account> {
        if let Some(account) = self.accounts.get(id) {
            return account.clone();
        }
        let looked_at = if self.accounts.len() < max_idle {
            LOOKED_AT
        } else {
            LOOKED_AT_FULL
        };
        self.forget(looked_at, max_idle);
        let account = Arc::new(Account::new());
        self.accounts.insert(id.clone(), account.clone());
        self.order.push_back(id.clone());
        account
    }

    /// Forgets those among the next so many callers who are idle with a full bucket. Where all places are taken, one
    /// of them goes whose bucket is not full; only callers with calls in progress, who cost more elsewhere, can be
    /// more than that.
    fn forget(&mut self, looked_at: usize, max_idle: usize) {
        let now = Instant::now();
        let mut idle = None;
        for _ in 0..looked_at.min(self.order.len()) {
            let Some(id) = self.order.pop_front() else {
                break;
            };
            let Some(account) = self.accounts.get(&id) else {
                continue;
            };
            // New references are only made under this lock.
            let in_use = Arc::strong_count(account) > 1;
            if !in_use && account.usage().full_at <= now {
                self.accounts.remove(&id);
            } else if !in_use && idle.is_none() {
                idle = Some(id);
            } else {
                self.order.push_back(id);
            }
        }
        let Some(id) = idle else {
            return;
        };
        if self.accounts.len() >= max_idle {
            self.accounts.remove(&id);
        } else {
            self.order.push_back(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn tokens(tokens_per_second: u32) -> Quota {
        Quota {
            tokens_per_second: Some(tokens_per_second),
            ..Quota::default()
        }
    }

    fn calls(concurrent_calls: u32) -> Quota {
        Quota {
            concurrent_calls: Some(concurrent_calls),
            ..Quota::default()
        }
    }

    fn wait(result: Result<(), QuotaExceeded>) -> Option<Duration> {
        result.err().map(|exceeded| exceeded.retry_after)
    }

    #[tokio::test(start_paused = true)]
    async fn ten_seconds_worth_of_tokens_may_be_spent_at_once() {
        for rate in [1, 3, 7, 1000, 4_000_000_000] {
            let caller = Callers::new().caller("key:a", tokens(rate));
            for _ in 0..10 {
                assert_eq!(caller.spend(rate), Ok(()), "{rate}");
            }
            assert!(caller.spend(rate).is_err(), "{rate}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_bucket_says_when_it_holds_enough() {
        let caller = Callers::new().caller("key:a", tokens(100));
        assert_eq!(caller.spend(1000), Ok(()));
        let exceeded = caller.spend(250).unwrap_err();
        assert_eq!(exceeded.retry_after, Duration::from_millis(2500));
        assert_eq!(exceeded.what, QuotaLimit::TokensPerSecond(100));
        advance(Duration::from_millis(2499)).await;
        assert!(caller.spend(250).is_err());
        advance(Duration::from_millis(1)).await;
        assert_eq!(caller.spend(250), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_larger_than_the_bucket_needs_a_full_one_and_leaves_a_debt() {
        let caller = Callers::new().caller("key:a", tokens(100));
        assert_eq!(caller.spend(100), Ok(()));
        assert_eq!(wait(caller.spend(5000)), Some(SECOND));
        advance(SECOND).await;
        assert_eq!(caller.spend(5000), Ok(()));
        // The debt of 4000 tokens, and the one.
        assert_eq!(wait(caller.spend(1)), Some(Duration::from_millis(40_010)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_request_costs_nothing() {
        let caller = Callers::new().caller("key:a", tokens(100));
        assert_eq!(caller.spend(900), Ok(()));
        for _ in 0..100 {
            assert!(caller.spend(101).is_err());
        }
        assert_eq!(caller.spend(100), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_one_id_share_its_tokens_and_other_ids_have_their_own() {
        let callers = Callers::new();
        let first = callers.caller("key:a", tokens(100));
        assert_eq!(first.spend(1000), Ok(()));
        drop(first);
        assert!(callers.caller("key:a", tokens(100)).spend(1).is_err());
        assert_eq!(callers.caller("jwt:a", tokens(100)).spend(1000), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_quota_applies_to_what_was_used_under_the_old_one() {
        let callers = Callers::new();
        assert_eq!(callers.caller("key:a", tokens(100)).spend(1000), Ok(()));
        let caller = callers.caller("key:a", tokens(1000));
        assert_eq!(wait(caller.spend(1000)), Some(SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_waits_for_its_tokens() {
        let caller = Callers::new().caller("key:a", tokens(100));
        let began = Instant::now();
        for _ in 0..15 {
            caller.wait_to_spend(100).await;
        }
        assert_eq!(began.elapsed(), 5 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn streams_of_one_caller_get_their_turn_in_order() {
        let caller = Callers::new().caller("key:a", tokens(100));
        assert_eq!(caller.spend(1000), Ok(()));
        let order = Mutex::new(Vec::new());
        // The small one could be served before the large one.
        let wait = async |tokens| {
            caller.wait_to_spend(tokens).await;
            order.lock().unwrap().push(tokens);
        };
        tokio::join!(wait(900), wait(1));
        assert_eq!(*order.lock().unwrap(), [900, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_has_gone_while_it_waited_has_spent_nothing() {
        let caller = Callers::new().caller("key:a", tokens(100));
        assert_eq!(caller.spend(1000), Ok(()));
        assert!(caller.wait_to_spend(500).now_or_never().is_none());
        advance(10 * SECOND).await;
        assert_eq!(caller.spend(1000), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn single_calls_cannot_hold_a_stream_up_for_ever() {
        let caller = Callers::new().caller("key:a", tokens(100));
        assert_eq!(caller.spend(1000), Ok(()));
        let began = Instant::now();
        let single_calls = async {
            for second in 1..100 {
                sleep_until(began + second * SECOND).await;
                let _ = caller.spend(100);
            }
        };
        tokio::select! {
            () = caller.wait_to_spend(5000) => {}
            () = single_calls => panic!("the stream still waits"),
        }
        assert_eq!(began.elapsed(), 10 * SECOND);
        assert!(caller.spend(1).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_counts_until_its_permit_is_dropped() {
        let callers = Callers::new();
        let caller = callers.caller("key:a", calls(2));
        let first = caller.begin_call().unwrap();
        let second = callers.caller("key:a", calls(2)).begin_call().unwrap();
        let exceeded = caller.begin_call().unwrap_err();
        assert_eq!(exceeded.what, QuotaLimit::ConcurrentCalls(2));
        assert_eq!(exceeded.retry_after, CALLS_RETRY_AFTER);
        assert!(callers.caller("key:b", calls(2)).begin_call().is_ok());
        drop(first);
        let third = caller.begin_call().unwrap();
        assert!(caller.begin_call().is_err());
        drop((second, third));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_without_a_quota_may_do_anything_and_is_not_remembered() {
        let callers = Callers::new();
        let caller = callers.caller("key:a", Quota::default());
        let mut permits = Vec::new();
        for _ in 0..1000 {
            permits.push(caller.begin_call().unwrap());
            assert_eq!(caller.spend(u32::MAX), Ok(()));
        }
        caller.wait_to_spend(u32::MAX).await;
        assert!(callers.lock().accounts.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn callers_who_have_gone_are_forgotten_once_their_bucket_is_full() {
        let callers = Callers::new();
        for number in 0..1000 {
            let caller = callers.caller(format!("peer:{number}"), tokens(100));
            assert_eq!(caller.spend(100), Ok(()));
        }
        assert_eq!(callers.lock().accounts.len(), 1000);
        advance(SECOND).await;
        for number in 1000..2000 {
            callers.caller(format!("peer:{number}"), tokens(100));
        }
        assert!(callers.lock().accounts.len() < 10);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_idle_callers_are_remembered_than_there_are_places() {
        let callers = Callers::remembering(100);
        let busy = callers.caller("key:busy", calls(1));
        let permit = busy.begin_call().unwrap();
        drop(busy);
        for number in 0..1000 {
            let caller = callers.caller(format!("peer:{number}"), tokens(1));
            assert_eq!(caller.spend(1), Ok(()));
        }
        let known = callers.lock();
        assert_eq!(known.accounts.len(), 100);
        assert_eq!(known.order.len(), 100);
        drop(known);
        // A call in progress is never forgotten.
        assert!(callers.caller("key:busy", calls(1)).begin_call().is_err());
        drop(permit);
    }
}
