//! What is done token by token between the products.

use super::{
    lanes::{LANES, Lanes, Pass},
    matrix::{Activations, CENTER, GROUP, LARGEST, LIFT},
};

/// Vectors in a group.
const VECTORS: usize = GROUP / LANES;

/// Turns rows into levels of either sign.
pub(super) struct Quantise<'a> {
    pub(super) rows: &'a [f32],
    pub(super) width: usize,
    pub(super) to: &'a mut Activations,
}

impl Pass for Quantise<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let per_row = self.to.groups;
        let levels = self.to.levels.chunks_exact_mut(per_row);
        let scales = self.to.scales.chunks_exact_mut(per_row);
        for (row, (levels, scales)) in self.rows.chunks_exact(self.width).zip(levels.zip(scales)) {
            quantise(lanes, row, levels, scales);
        }
    }
}

/// Adds, normalises and quantises rows: `rows = norm(rows + added)`.
pub(super) struct Normalise<'a> {
    pub(super) rows: &'a mut [f32],
    pub(super) width: usize,
    /// Rows of `stride` values, of which the first `width` count.
    pub(super) added: &'a [f32],
    pub(super) stride: usize,
    pub(super) norm: &'a Norm,
    pub(super) to: &'a mut Activations,
}

/// Weight and bias of a layer norm.
#[derive(Debug)]
pub(super) struct Norm {
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) epsilon: f32,
}

impl Pass for Normalise<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let per_row = self.to.groups;
        let levels = self.to.levels.chunks_exact_mut(per_row);
        let scales = self.to.scales.chunks_exact_mut(per_row);
        let rows = self.rows.chunks_exact_mut(self.width);
        let added = self.added.chunks_exact(self.stride);
        for ((row, added), (levels, scales)) in rows.zip(added).zip(levels.zip(scales)) {
            let mut sum = lanes.splat(0.0);
            for (row, added) in row.chunks_exact_mut(LANES).zip(added.chunks_exact(LANES)) {
                let value = lanes.add(lanes.load(row), lanes.load(added));
                lanes.store(value, row);
                sum = lanes.add(sum, value);
            }
            let mean = lanes.splat(lanes.sum(sum) / self.width as f32);
            let mut squares = lanes.splat(0.0);
            for row in row.chunks_exact(LANES) {
                let distance = lanes.sub(lanes.load(row), mean);
                squares = lanes.fused(distance, distance, squares);
            }
            let variance = lanes.sum(squares) / self.width as f32;
            let factor = lanes.splat(1.0 / (variance + self.norm.epsilon).sqrt());
            let norm = self
                .norm
                .weight
                .chunks_exact(LANES)
                .zip(self.norm.bias.chunks_exact(LANES));
            for (row, (weight, bias)) in row.chunks_exact_mut(LANES).zip(norm) {
                let value = lanes.mul(lanes.sub(lanes.load(row), mean), factor);
                let value = lanes.fused(value, lanes.load(weight), lanes.load(bias));
                lanes.store(value, row);
            }
            quantise(lanes, row, levels, scales);
        }
    }
}

/// gelu of rows, as levels lifted above 0.
pub(super) struct Gelu<'a> {
    /// Rows of `stride` values, of which the first `width` count.
    pub(super) rows: &'a [f32],
    pub(super) stride: usize,
    pub(super) width: usize,
    pub(super) to: &'a mut Activations,
}

impl Pass for Gelu<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let per_row = self.to.groups;
        let levels = self.to.levels.chunks_exact_mut(per_row);
        let scales = self.to.scales.chunks_exact_mut(per_row);
        let lift = lanes.splat(LIFT);
        for (row, (levels, scales)) in self.rows.chunks_exact(self.stride).zip(levels.zip(scales)) {
            let groups = row[..self.width].chunks(GROUP);
            for (group, (levels, scale)) in groups.zip(levels.iter_mut().zip(scales)) {
                let mut values = [lanes.splat(0.0); VECTORS];
                let mut largest = lanes.splat(0.0);
                for (value, group) in values.iter_mut().zip(group.chunks_exact(LANES)) {
                    *value = lanes.add(gelu(lanes, lanes.load(group)), lift);
                    largest = lanes.max(largest, *value);
                }
                let largest = lanes.largest(largest);
                *scale = largest / f32::from(LARGEST);
                let factor = lanes.splat(inverse(f32::from(LARGEST), largest));
                for (value, levels) in values.into_iter().zip(levels.chunks_exact_mut(LANES)) {
                    lanes.store_levels(lanes.mul(value, factor), levels);
                }
            }
        }
    }
}

/// One row as levels of either sign; inputs behind its end, of which a group may have some, become 0.
#[inline(always)]
fn quantise<L: Lanes>(lanes: L, row: &[f32], levels: &mut [[u8; GROUP]], scales: &mut [f32]) {
    let center = lanes.splat(f32::from(CENTER));
    let most = f32::from(LARGEST - CENTER);
    for (group, (levels, scale)) in row.chunks(GROUP).zip(levels.iter_mut().zip(scales)) {
        let mut values = [lanes.splat(0.0); VECTORS];
        let mut largest = lanes.splat(0.0);
        for (value, group) in values.iter_mut().zip(group.chunks_exact(LANES)) {
            *value = lanes.load(group);
            largest = lanes.max(largest, lanes.magnitude(*value));
        }
        let largest = lanes.largest(largest);
        *scale = largest / most;
        let factor = lanes.splat(inverse(most, largest));
        for (value, levels) in values.into_iter().zip(levels.chunks_exact_mut(LANES)) {
            lanes.store_levels(lanes.fused(value, factor, center), levels);
        }
    }
}

#[inline(always)]
fn inverse(most: f32, largest: f32) -> f32 {
    let factor = most / largest;
    if factor.is_finite() { factor } else { 0.0 }
}

/// Where the polynomial of [`gelu`] ends: beyond it, the normal distribution is 0 or 1 but for 3e-6.
const GELU_END: f32 = 4.5;

/// `(phi(x) - 1/2) / x` for `phi` of the normal distribution, as a polynomial in `2 (x / GELU_END)^2 - 1`, interpolated
/// at Chebyshev's nodes. gelu is off by 2e-6 at most within the end.
const GELU: [f32; 12] = [
    0.156_904_93,
    -0.077_189_76,
    0.054_701_19,
    -0.040_191_3,
    0.028_283_931,
    -0.018_561_246,
    0.011_439_227,
    -0.006_302_278,
    0.002_716_277_5,
    -0.001_289_285_8,
    0.000_980_692_6,
    -0.000_382_083_68,
];

/// `x phi(x)`.
#[inline(always)]
pub(super) fn gelu<L: Lanes>(lanes: L, x: L::F32) -> L::F32 {
    let within = lanes.min(lanes.max(x, lanes.splat(-GELU_END)), lanes.splat(GELU_END));
    let scaled = lanes.mul(within, lanes.splat(std::f32::consts::SQRT_2 / GELU_END));
    let t = lanes.fused(scaled, scaled, lanes.splat(-1.0));
    let mut sum = lanes.splat(GELU[GELU.len() - 1]);
    for &coefficient in GELU[..GELU.len() - 1].iter().rev() {
        sum = lanes.fused(sum, t, lanes.splat(coefficient));
    }
    lanes.mul(x, lanes.fused(within, sum, lanes.splat(0.5)))
}

/// `e^x` for `x <= 0`.
#[inline(always)]
pub(super) fn exp<L: Lanes>(lanes: L, x: L::F32) -> L::F32 {
    let x = lanes.max(x, lanes.splat(-87.0));
    let power = lanes.round(lanes.mul(x, lanes.splat(std::f32::consts::LOG2_E)));
    // ln 2 in two parts, of which the first has few digits, so that its product is exact.
    let rest = lanes.fused(power, lanes.splat(-0.693_359_4), x);
    let rest = lanes.fused(power, lanes.splat(2.121_944_4e-4), rest);
    let mut sum = lanes.splat(1.0 / 720.0);
    for coefficient in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = lanes.fused(sum, rest, lanes.splat(coefficient));
    }
    lanes.mul(sum, lanes.power_of_two(power))
}
