//! Matrices of 8-bit weights, and their products with activations of 8 bits.
//!
//! Weights are signed, with one scale for each 32 inputs of an output: one scale for a whole output wastes most levels
//! on the few weights that are far larger than the rest. Activations are unsigned, with one scale for each 32 inputs
//! of a token. Within a group the products are exact integers; groups are added in fp32, in order.
//!
//! AVX2 adds eight products in 16 bits. A group's scale is the smallest with which the weights that meet in one such
//! sum can't overflow it, whatever the activations. So more levels for activations leave fewer for weights; 171 of
//! them lose least. The other kernels compute the same sums, so that all give the same bits.

use super::Kernel;

/// Inputs that share a scale.
pub(super) const GROUP: usize = 32;

/// Outputs that are computed together.
pub(super) const COLUMNS: usize = 16;

/// Tokens that are computed together, at most.
pub(super) const ROWS: usize = 4;

/// The largest activation.
pub(super) const LARGEST: u8 = 170;

/// The level of an activation of 0, where activations have either sign.
pub(super) const CENTER: u8 = 85;

/// What is added to activations that are never less than its negative: then all levels stand for numbers that occur.
/// gelu is nowhere less than -0.17.
pub(super) const LIFT: f32 = 0.17;

/// How the activations that a matrix is multiplied with were turned into levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Levels {
    /// [`CENTER`] stands for 0.
    Centered,
    /// 0 stands for -[`LIFT`].
    Lifted,
}

/// Activations of tokens, as levels.
#[derive(Debug, Default)]
pub(super) struct Activations {
    /// `[tokens][groups][GROUP]`.
    pub(super) levels: Vec<[u8; GROUP]>,
    /// `[tokens][groups]`.
    pub(super) scales: Vec<f32>,
    pub(super) groups: usize,
}

impl Activations {
    /// Makes room for tokens of some inputs; what it held is lost.
    pub(super) fn reset(&mut self, tokens: usize, inputs: usize) {
        self.groups = inputs.div_ceil(GROUP);
        self.levels.clear();
        self.levels.resize(tokens * self.groups, [0; GROUP]);
        self.scales.clear();
        self.scales.resize(tokens * self.groups, 0.0);
    }
}

/// Weights of [`GROUP`] inputs and [`COLUMNS`] outputs.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// `[inputs / 4][COLUMNS][4]`.
    pub(super) levels: [i8; GROUP * COLUMNS],
    pub(super) scales: [f32; COLUMNS],
    /// What the sum of an output begins with: it takes away what activations of 0 add.
    pub(super) offsets: [i32; COLUMNS],
}

/// A matrix with a bias.
#[derive(Debug)]
pub(super) struct Matrix {
    /// `[panels][groups]`.
    groups: Vec<Group>,
    /// `[panels][COLUMNS]`.
    bias: Vec<[f32; COLUMNS]>,
    groups_per_panel: usize,
    outputs: usize,
}

impl Matrix {
    /// Packs `[outputs][inputs]` weights. `None` where they are not finite or the lengths don't fit.
    pub(super) fn new(weights: &[f32], bias: &[f32], levels: Levels) -> Option<Self> {
        let outputs = bias.len();
        let inputs = weights.len().checked_div(outputs)?;
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        if inputs == 0 || inputs * outputs != weights.len() || !finite(weights) || !finite(bias) {
            return None;
        }
        let (panels, groups_per_panel) = (outputs.div_ceil(COLUMNS), inputs.div_ceil(GROUP));
        let empty = Group {
            levels: [0; GROUP * COLUMNS],
            scales: [0.0; COLUMNS],
            offsets: [0; COLUMNS],
        };
        let mut groups = vec![empty; panels * groups_per_panel];
        let mut padded = vec![[0.0; COLUMNS]; panels];
        for (output, (row, &bias)) in weights.chunks_exact(inputs).zip(bias).enumerate() {
            let (panel, column) = (output / COLUMNS, output % COLUMNS);
            let mut bias = f64::from(bias);
            for (index, values) in row.chunks(GROUP).enumerate() {
                let (packed, scale) = pack(values);
                let sum: i32 = packed.iter().map(|&level| i32::from(level)).sum();
                let group = &mut groups[panel * groups_per_panel + index];
                for (input, level) in packed.into_iter().enumerate() {
                    group.levels[(input / 4 * COLUMNS + column) * 4 + input % 4] = level;
                }
                group.scales[column] = scale;
                match levels {
                    Levels::Centered => group.offsets[column] = -i32::from(CENTER) * sum,
                    Levels::Lifted => bias -= f64::from(LIFT) * f64::from(scale) * f64::from(sum),
                }
            }
            padded[panel][column] = bias as f32;
        }
        Some(Self {
            groups,
            bias: padded,
            groups_per_panel,
            outputs,
        })
    }

    /// Length of a row of the output, in which whole panels have room.
    pub(super) fn stride(&self) -> usize {
        self.outputs.next_multiple_of(COLUMNS)
    }

    /// The product with all tokens: `[tokens][stride]` into `out`.
    pub(super) fn multiply(&self, kernel: Kernel, activations: &Activations, out: &mut [f32]) {
        let stride = self.stride();
        let per_tile = ROWS * self.groups_per_panel;
        let panels = self.groups.chunks_exact(self.groups_per_panel);
        for (panel, (groups, bias)) in panels.zip(&self.bias).enumerate() {
            let levels = activations.levels.chunks(per_tile);
            let tiles = levels.zip(activations.scales.chunks(per_tile));
            for ((levels, scales), out) in tiles.zip(out.chunks_mut(ROWS * stride)) {
                kernel.multiply(Tile {
                    groups,
                    bias,
                    levels,
                    scales,
                    out: &mut out[panel * COLUMNS..],
                    stride,
                });
            }
        }
    }
}

/// Some tokens' products with the columns of one panel.
#[derive(Debug)]
pub(super) struct Tile<'a> {
    pub(super) groups: &'a [Group],
    pub(super) bias: &'a [f32; COLUMNS],
    /// `[rows][groups]`.
    levels: &'a [[u8; GROUP]],
    scales: &'a [f32],
    out: &'a mut [f32],
    stride: usize,
}

impl Tile<'_> {
    pub(super) fn rows(&self) -> usize {
        self.scales.len() / self.groups.len()
    }

    #[inline(always)]
    pub(super) fn activations(&self, row: usize, group: usize) -> (&[u8; GROUP], f32) {
        let index = row * self.groups.len() + group;
        (&self.levels[index], self.scales[index])
    }

    #[inline(always)]
    pub(super) fn output(&mut self, row: usize) -> &mut [f32] {
        &mut self.out[row * self.stride..][..COLUMNS]
    }

    /// The products, one after the other.
    pub(super) fn multiply(mut self) {
        for row in 0..self.rows() {
            let mut sums = *self.bias;
            for (index, group) in self.groups.iter().enumerate() {
                let (activations, scale) = self.activations(row, index);
                let mut whole = group.offsets;
                for (quad, weights) in group.levels.chunks_exact(4 * COLUMNS).enumerate() {
                    for (column, weights) in weights.chunks_exact(4).enumerate() {
                        let four = activations[4 * quad..].iter().zip(weights);
                        whole[column] += four
                            .map(|(&a, &w)| i32::from(a) * i32::from(w))
                            .sum::<i32>();
                    }
                }
                for column in 0..COLUMNS {
                    let scale = scale * group.scales[column];
                    sums[column] = (whole[column] as f32).mul_add(scale, sums[column]);
                }
            }
            self.output(row).copy_from_slice(&sums);
        }
    }
}

/// The levels of one group's weights and their scale.
fn pack(values: &[f32]) -> ([i8; GROUP], f32) {
    let largest = values
        .iter()
        .fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let mut scale = largest / 127.0;
    loop {
        let mut levels = [0; GROUP];
        if scale > 0.0 {
            for (level, value) in levels.iter_mut().zip(values) {
                *level = (value / scale).round_ties_even().clamp(-127.0, 127.0) as i8;
            }
        }
        let most = largest_sum(&levels);
        if most <= i32::from(i16::MAX) {
            return (levels, scale);
        }
        scale *= (most as f32 / f32::from(i16::MAX)).max(1.005);
    }
}

/// The largest magnitude that a sum of AVX2 within 16 bits can reach with any activations. In one sum are eight
/// weights: of 16 inputs, the first two or the last two of each four.
fn largest_sum(levels: &[i8; GROUP]) -> i32 {
    let mut most = 0;
    for sixteen in levels.chunks_exact(16) {
        for half in [0, 2] {
            let weights = (0..8).map(|i| i32::from(sixteen[i / 2 * 4 + half + i % 2]));
            let (mut positive, mut negative) = (0, 0);
            weights.for_each(|weight| {
                positive += weight.max(0);
                negative -= weight.min(0);
            });
            most = most.max(i32::from(LARGEST) * positive.max(negative));
        }
    }
    most
}
