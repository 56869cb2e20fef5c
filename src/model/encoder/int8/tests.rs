//! Every kernel against plain code, and the passes against their definitions in f64.

use proptest::prelude::*;

use super::{
    attention::{self, Attend},
    matrix::{COLUMNS, GROUP, LARGEST},
    rows::exp,
    *,
};

/// A number from a seed, in -1..1, as even as makes no difference here.
fn random(seed: &mut u64) -> f32 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 40) as f32 / (1 << 23) as f32 - 1.0
}

fn numbers(seed: &mut u64, count: usize) -> Vec<f32> {
    (0..count).map(|_| random(seed)).collect()
}

fn quantised(kernel: Kernel, rows: &[f32], width: usize) -> Activations {
    let mut to = Activations::default();
    to.reset(rows.len() / width, width);
    kernel.pass(Quantise {
        rows,
        width,
        to: &mut to,
    });
    to
}

fn product(kernel: Kernel, matrix: &Matrix, activations: &Activations) -> Vec<f32> {
    let tokens = activations.scales.len() / activations.groups;
    let mut out = vec![f32::NAN; tokens * matrix.stride()];
    matrix.multiply(kernel, activations, &mut out);
    out
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_product_has_the_same_bits_in_every_kernel(
        tokens in 1..11_usize,
        inputs in 1..40_usize,
        outputs in 1..50_usize,
        lifted: bool,
        mut seed: u64,
    ) {
        let inputs = inputs * LANES;
        let levels = if lifted { Levels::Lifted } else { Levels::Centered };
        let weights = numbers(&mut seed, outputs * inputs);
        let matrix = Matrix::new(&weights, &numbers(&mut seed, outputs), levels).unwrap();
        let activations = quantised(Kernel::PORTABLE, &numbers(&mut seed, tokens * inputs), inputs);
        let expected = product(Kernel::PORTABLE, &matrix, &activations);
        for kernel in Kernel::all() {
            prop_assert_eq!(bits(&product(kernel, &matrix, &activations)), bits(&expected), "{:?}", kernel);
        }
    }

    #[test]
    fn a_product_is_near_that_of_the_numbers(
        tokens in 1..6_usize,
        inputs in 1..24_usize,
        outputs in 1..20_usize,
        mut seed: u64,
    ) {
        let inputs = inputs * LANES;
        let (weights, bias) = (numbers(&mut seed, outputs * inputs), numbers(&mut seed, outputs));
        let rows = numbers(&mut seed, tokens * inputs);
        let matrix = Matrix::new(&weights, &bias, Levels::Centered).unwrap();
        let out = product(Kernel::PORTABLE, &matrix, &quantised(Kernel::PORTABLE, &rows, inputs));
        for (row, out) in rows.chunks_exact(inputs).zip(out.chunks_exact(matrix.stride())) {
            for ((weights, bias), out) in weights.chunks_exact(inputs).zip(&bias).zip(out) {
                let exact: f32 = row.iter().zip(weights).map(|(a, w)| a * w).sum::<f32>() + bias;
                // Half a level of either factor, in each product.
                let bound = inputs as f32 * (0.5 / 85.0 + 0.5 / 24.0) + 1e-3;
                prop_assert!((exact - out).abs() < bound, "{exact} {out}");
            }
        }
    }

    #[test]
    fn whole_layers_have_the_same_bits_in_every_kernel_and_batch(
        lengths in prop::collection::vec(1..40_usize, 1..4),
        mut seed: u64,
    ) {
        let (layers, width) = small(&mut seed);
        let rows = numbers(&mut seed, lengths.iter().sum::<usize>() * width);
        let run = |kernel: Kernel, lengths: &[usize], rows: &[f32]| {
            let mut scratch = Scratch { rows: rows.to_vec(), ..Scratch::default() };
            scratch.added.resize(rows.len(), 0.5);
            layers.run(kernel, lengths, &mut scratch);
            bits(&scratch.rows)
        };
        let expected = run(Kernel::PORTABLE, &lengths, &rows);
        for kernel in Kernel::all() {
            prop_assert_eq!(&run(kernel, &lengths, &rows), &expected, "{:?}", kernel);
            let mut first = 0;
            for &length in &lengths {
                let range = first * width..(first + length) * width;
                prop_assert_eq!(&run(kernel, &[length], &rows[range.clone()]), &expected[range]);
                first += length;
            }
        }
    }

    #[test]
    fn attention_is_the_softmax_of_its_definition(
        tokens in 1..70_usize,
        heads in 1..4_usize,
        vectors in 1..6_usize,
        mut seed: u64,
    ) {
        let (head_size, width) = (vectors * LANES, heads * vectors * LANES);
        let projections = numbers(&mut seed, tokens * 3 * width);
        let part = |token: usize, which: usize, head: usize| {
            let from = token * 3 * width + which * width + head * head_size;
            &projections[from..from + head_size]
        };
        let mut kernels = Kernel::all();
        kernels.push(Kernel::PORTABLE);
        for kernel in kernels {
            let mut out = vec![f32::NAN; tokens * width];
            kernel.pass(Attend {
                projections: &projections,
                stride: 3 * width,
                heads,
                head_size,
                scratch: &mut attention::Scratch::default(),
                out: &mut out,
            });
            for (token, out) in out.chunks_exact(width).enumerate() {
                for (head, out) in out.chunks_exact(head_size).enumerate() {
                    let shares: Vec<f64> = (0..tokens)
                        .map(|key| {
                            let pairs = part(token, 0, head).iter().zip(part(key, 1, head));
                            pairs.map(|(q, k)| f64::from(q * k)).sum::<f64>().exp()
                        })
                        .collect();
                    let sum: f64 = shares.iter().sum();
                    for (place, out) in out.iter().enumerate() {
                        let values = (0..tokens).map(|key| f64::from(part(key, 2, head)[place]));
                        let exact: f64 = shares.iter().zip(values).map(|(s, v)| s / sum * v).sum();
                        prop_assert!((exact - f64::from(*out)).abs() < 1e-5, "{exact} {out}");
                    }
                }
            }
        }
    }
}

/// One small layer with width 64, and its width.
fn small(seed: &mut u64) -> (Layers, usize) {
    let (width, inner) = (64, 72);
    let shape = Shape::new(width, 4, inner).unwrap();
    let mut linear = |outputs: usize, inputs: usize| Linear {
        weight: numbers(seed, outputs * inputs),
        bias: numbers(seed, outputs),
    };
    let norm = || Linear {
        weight: vec![1.0; width],
        bias: vec![0.1; width],
    };
    let layer = Unpacked {
        query: linear(width, width),
        key: linear(width, width),
        value: linear(width, width),
        context: linear(width, width),
        context_norm: norm(),
        inner: linear(inner, width),
        outer: linear(width, inner),
        outer_norm: norm(),
    };
    let layer = Layer::new(shape, layer, 1e-12).unwrap();
    (Layers::new(shape, norm(), 1e-12, vec![layer]), width)
}

#[test]
fn no_weights_and_activations_overflow_a_sum() {
    // All weights of a group as large as they can be, of one sign, of either by turns, and in pairs; activations at
    // their ends. Plain code adds in 32 bits.
    let inputs = 2 * GROUP;
    let patterns: [fn(usize) -> f32; 5] = [
        |_| 1.0,
        |_| -1.0,
        |i| if i % 2 == 0 { 1.0 } else { -1.0 },
        |i| if i % 4 < 2 { 1.0 } else { -1.0 },
        |i| if i % 16 < 8 { 1.0 } else { 0.01 },
    ];
    let rows = patterns.map(|pattern| (0..inputs).map(pattern).collect::<Vec<f32>>());
    let weights = rows.concat();
    let matrix = Matrix::new(&weights, &[0.0; 5], Levels::Centered).unwrap();
    for level in [0, 1, LARGEST] {
        let mut activations = Activations::default();
        activations.reset(5, inputs);
        activations.levels.fill([level; GROUP]);
        activations.scales.fill(1.0);
        let expected = product(Kernel::PORTABLE, &matrix, &activations);
        for kernel in Kernel::all() {
            let found = product(kernel, &matrix, &activations);
            assert_eq!(found, expected, "level {level}, {kernel:?}");
        }
    }
}

#[test]
fn gelu_and_exp_are_those_of_the_textbook() {
    struct Values<'a>(&'a [f32], &'a mut Vec<f32>, &'a mut Vec<f32>);
    impl Pass for Values<'_> {
        fn run<L: Lanes>(self, lanes: L) {
            for chunk in self.0.chunks_exact(LANES) {
                let mut out = [0.0; LANES];
                lanes.store(rows::gelu(lanes, lanes.load(chunk)), &mut out);
                self.1.extend(out);
                lanes.store(exp(lanes, lanes.load(chunk)), &mut out);
                self.2.extend(out);
            }
        }
    }
    let inputs: Vec<f32> = (0..4000).map(|i| (i as f32 - 3200.0) / 200.0).collect();
    let mut kernels = Kernel::all();
    kernels.push(Kernel::PORTABLE);
    for kernel in kernels {
        let (mut gelus, mut powers) = (Vec::new(), Vec::new());
        kernel.pass(Values(&inputs, &mut gelus, &mut powers));
        for ((&x, gelu), power) in inputs.iter().zip(gelus).zip(powers) {
            let exact = f64::from(x) * normal(f64::from(x));
            assert!((exact - f64::from(gelu)).abs() < 6e-5, "gelu({x}) = {gelu}");
            if x <= 0.0 {
                let exact = f64::from(x).exp();
                assert!(
                    (f64::from(power) / exact - 1.0).abs() < 1e-6,
                    "exp({x}) = {power}"
                );
            }
        }
    }
}

/// The share of the normal distribution below `x`, by its series.
fn normal(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for i in 1..400 {
        term *= x * x / f64::from(2 * i + 1);
        sum += term;
    }
    (0.5 + sum * (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()).clamp(0.0, 1.0)
}

#[test]
fn a_row_of_zeros_stays_finite() {
    let mut seed = 1;
    let (layers, width) = small(&mut seed);
    let mut kernels = Kernel::all();
    kernels.push(Kernel::PORTABLE);
    for kernel in kernels {
        let mut scratch = Scratch {
            rows: vec![0.0; 3 * width],
            added: vec![0.0; 3 * width],
            ..Scratch::default()
        };
        layers.run(kernel, &[3], &mut scratch);
        assert!(scratch.rows.iter().all(|value| value.is_finite()));
    }
}

#[test]
fn weights_that_are_not_finite_are_refused() {
    for wrong in [f32::NAN, f32::INFINITY] {
        let mut weights = vec![1.0; GROUP * COLUMNS];
        weights[70] = wrong;
        assert!(Matrix::new(&weights, &[0.0; COLUMNS], Levels::Centered).is_none());
        assert!(Matrix::new(&[1.0; GROUP], &[wrong], Levels::Centered).is_none());
    }
    assert!(Matrix::new(&[1.0; 3], &[0.0; 2], Levels::Centered).is_none());
}
