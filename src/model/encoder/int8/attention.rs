//! Attention within one window, in fp32.

use super::{
    lanes::{LANES, Lanes, Pass},
    rows::exp,
};

/// Queries that are computed together.
const QUERIES: usize = 4;

/// Keys that are computed together.
const KEYS: usize = 2 * LANES;

/// Memory for one window, used again by the next.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// `[head size][keys]`.
    keys: Vec<f32>,
    /// `[tokens][head size]`.
    values: Vec<f32>,
    /// `[QUERIES][keys]`.
    scores: Vec<f32>,
}

/// All heads of one window: `out[token] = sum of softmax(query . key) value`.
pub(super) struct Attend<'a> {
    /// `[tokens][stride]`: queries, keys and values, each of all heads. The queries are scaled.
    pub(super) projections: &'a [f32],
    pub(super) stride: usize,
    pub(super) heads: usize,
    pub(super) head_size: usize,
    pub(super) scratch: &'a mut Scratch,
    /// `[tokens][heads * head_size]`.
    pub(super) out: &'a mut [f32],
}

impl Pass for Attend<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self {
            stride,
            heads,
            head_size,
            ..
        } = self;
        let width = heads * head_size;
        let tokens = self.projections.len() / stride;
        let keys = tokens.next_multiple_of(KEYS);
        let scratch = self.scratch;
        scratch.keys.clear();
        scratch.keys.resize(head_size * keys, 0.0);
        scratch.values.resize(tokens * head_size, 0.0);
        scratch.scores.resize(QUERIES * keys, 0.0);
        for head in 0..heads {
            let from = head * head_size;
            let rows = self.projections.chunks_exact(stride);
            for (token, (row, value)) in rows
                .zip(scratch.values.chunks_exact_mut(head_size))
                .enumerate()
            {
                let key = &row[width + from..][..head_size];
                for (part, keys) in key.iter().zip(scratch.keys.chunks_exact_mut(keys)) {
                    keys[token] = *part;
                }
                value.copy_from_slice(&row[2 * width + from..][..head_size]);
            }
            for first in (0..tokens).step_by(QUERIES) {
                let queries = QUERIES.min(tokens - first);
                // Behind the last query the last stands again, for nobody.
                let query = |i: usize| {
                    let row = (first + i).min(tokens - 1);
                    &self.projections[row * stride + from..][..head_size]
                };
                let queries_of = [query(0), query(1), query(2), query(3)];
                scores(lanes, queries_of, &scratch.keys, &mut scratch.scores);
                for (i, scores) in scratch
                    .scores
                    .chunks_exact_mut(keys)
                    .enumerate()
                    .take(queries)
                {
                    let sum = softmax(lanes, scores, tokens);
                    let out = &mut self.out[(first + i) * width + from..][..head_size];
                    weigh(lanes, &scores[..tokens], &scratch.values, 1.0 / sum, out);
                }
            }
        }
    }
}

/// `[QUERIES][keys]`: the product of each query with each key.
#[inline(always)]
fn scores<L: Lanes>(lanes: L, queries: [&[f32]; QUERIES], keys: &[f32], scores: &mut [f32]) {
    let head_size = queries[0].len();
    let count = keys.len() / head_size;
    for first in (0..count).step_by(KEYS) {
        let mut sums = [[lanes.splat(0.0); 2]; QUERIES];
        for (part, keys) in keys.chunks_exact(count).enumerate() {
            let keys = &keys[first..][..KEYS];
            let (low, high) = (lanes.load(keys), lanes.load(&keys[LANES..]));
            for (sums, query) in sums.iter_mut().zip(queries) {
                let query = lanes.splat(query[part]);
                sums[0] = lanes.fused(query, low, sums[0]);
                sums[1] = lanes.fused(query, high, sums[1]);
            }
        }
        for (scores, [low, high]) in scores.chunks_exact_mut(count).zip(sums) {
            let scores = &mut scores[first..][..KEYS];
            lanes.store(low, scores);
            lanes.store(high, &mut scores[LANES..]);
        }
    }
}

/// Turns scores into shares but for their sum, which is returned. What stands behind the tokens has no share.
#[inline(always)]
fn softmax<L: Lanes>(lanes: L, scores: &mut [f32], tokens: usize) -> f32 {
    scores[tokens..].fill(f32::MIN);
    let mut largest = lanes.splat(f32::MIN);
    for scores in scores.chunks_exact(LANES) {
        largest = lanes.max(largest, lanes.load(scores));
    }
    let largest = lanes.splat(lanes.largest(largest));
    for scores in scores.chunks_exact_mut(LANES) {
        let share = exp(lanes, lanes.sub(lanes.load(scores), largest));
        lanes.store(share, scores);
    }
    scores[tokens..].fill(0.0);
    let mut sum = lanes.splat(0.0);
    for scores in scores.chunks_exact(LANES) {
        sum = lanes.add(sum, lanes.load(scores));
    }
    lanes.sum(sum)
}

/// The sum of the values, each by its share, times a factor.
#[inline(always)]
fn weigh<L: Lanes>(lanes: L, shares: &[f32], values: &[f32], factor: f32, out: &mut [f32]) {
    let factor = lanes.splat(factor);
    let head_size = out.len();
    for (part, out) in out.chunks_mut(4 * LANES).enumerate() {
        let from = part * 4 * LANES;
        let vectors = out.len() / LANES;
        // Two sums for each place, so that one addition need not wait for the other.
        let mut sums = [[lanes.splat(0.0); 4]; 2];
        let pairs = shares.chunks(2).zip(values.chunks(2 * head_size));
        for (shares, values) in pairs {
            let each = shares.iter().zip(values.chunks_exact(head_size));
            for (sums, (&share, value)) in sums.iter_mut().zip(each) {
                let share = lanes.splat(share);
                let value = &value[from..][..vectors * LANES];
                for (sum, value) in sums.iter_mut().zip(value.chunks_exact(LANES)) {
                    *sum = lanes.fused(share, lanes.load(value), *sum);
                }
            }
        }
        let [even, odd] = sums;
        let sums = even.into_iter().zip(odd);
        for ((even, odd), out) in sums.zip(out.chunks_exact_mut(LANES)) {
            lanes.store(lanes.mul(lanes.add(even, odd), factor), out);
        }
    }
}
