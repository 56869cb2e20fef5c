//! Eight numbers at a time, on the processor's vectors or one by one, with the same bits either way.
//!
//! A [`Pass`] is written once over [`Lanes`] and compiled for each implementation. All of them round alike: each
//! operation is one of IEEE 754, products are added fused, and sums are made in one order.

use super::matrix::LARGEST;

/// Numbers in one vector.
pub(super) const LANES: usize = 8;

/// A loop over vectors.
pub(super) trait Pass {
    fn run<L: Lanes>(self, lanes: L);
}

/// Arithmetic on [`LANES`] numbers. Loads and stores take the first [`LANES`] values of a slice, which must have them.
pub(super) trait Lanes: Copy {
    type F32: Copy;

    /// Runs a pass, compiled for these lanes.
    fn pass(self, pass: impl Pass);
    fn splat(self, value: f32) -> Self::F32;
    fn load(self, from: &[f32]) -> Self::F32;
    fn store(self, value: Self::F32, to: &mut [f32]);
    /// Rounds to the nearest integer, ties to even, and stores it as a level: what is less than 0 becomes 0, what is
    /// more than [`LARGEST`] becomes that.
    fn store_levels(self, value: Self::F32, to: &mut [u8]);
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a * b + c`, rounded once.
    fn fused(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// To the nearest integer, ties to even.
    fn round(self, a: Self::F32) -> Self::F32;
    /// Two to the power of an integer in -126..=127.
    fn power_of_two(self, a: Self::F32) -> Self::F32;
    fn sum(self, a: Self::F32) -> f32;
    fn largest(self, a: Self::F32) -> f32;

    #[inline(always)]
    fn magnitude(self, a: Self::F32) -> Self::F32 {
        self.max(a, self.sub(self.splat(0.0), a))
    }
}

/// One number after the other, on any processor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

impl Portable {
    #[inline(always)]
    fn map(a: [f32; LANES], b: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
        std::array::from_fn(|i| f(a[i], b[i]))
    }

    #[inline(always)]
    fn fold(a: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> f32 {
        let [a, b, c, d] = std::array::from_fn(|i| f(a[i], a[i + 4]));
        f(f(a, c), f(b, d))
    }
}

impl Lanes for Portable {
    type F32 = [f32; LANES];

    fn pass(self, pass: impl Pass) {
        pass.run(self);
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F32 {
        [value; LANES]
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::F32 {
        let from = &from[..LANES];
        std::array::from_fn(|i| from[i])
    }

    #[inline(always)]
    fn store(self, value: Self::F32, to: &mut [f32]) {
        to[..LANES].copy_from_slice(&value);
    }

    #[inline(always)]
    fn store_levels(self, value: Self::F32, to: &mut [u8]) {
        for (level, value) in to[..LANES].iter_mut().zip(value) {
            *level = value.round_ties_even().clamp(0.0, f32::from(LARGEST)) as u8;
        }
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        Self::map(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        Self::map(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        Self::map(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn fused(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        Self::map(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        Self::map(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn round(self, a: Self::F32) -> Self::F32 {
        a.map(f32::round_ties_even)
    }

    #[inline(always)]
    fn power_of_two(self, a: Self::F32) -> Self::F32 {
        a.map(|a| f32::from_bits(((a as i32 + 127) as u32) << 23))
    }

    #[inline(always)]
    fn sum(self, a: Self::F32) -> f32 {
        Self::fold(a, |a, b| a + b)
    }

    #[inline(always)]
    fn largest(self, a: Self::F32) -> f32 {
        Self::fold(a, |a, b| if a > b { a } else { b })
    }
}
