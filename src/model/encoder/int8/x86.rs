//! The kernels of x86-64: AVX2 with FMA, and AVX-512 VNNI for the products.

use std::arch::x86_64::*;

use super::{
    lanes::{LANES, Lanes, Pass},
    matrix::{COLUMNS, GROUP, Group, LARGEST, Tile},
};

/// Proof that this processor has AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

/// Proof that this processor has AVX-512 with VNNI, and AVX2 and FMA with them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vnni(Avx2);

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    /// The products of a tile: up to four rows with the columns of one panel.
    pub(super) fn multiply(self, tile: Tile) {
        // SAFETY: `self` proves the features.
        unsafe {
            match tile.rows() {
                1 => multiply_avx2::<1>(tile),
                2 => multiply_avx2::<2>(tile),
                3 => multiply_avx2::<3>(tile),
                _ => multiply_avx2::<4>(tile),
            }
        }
    }
}

impl Vnni {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni");
        Avx2::detect().filter(|_| has).map(Self)
    }

    /// The lanes for all that is not a product.
    pub(super) fn lanes(self) -> Avx2 {
        self.0
    }

    /// The products of a tile: up to four rows with the columns of one panel.
    pub(super) fn multiply(self, tile: Tile) {
        // SAFETY: `self` proves the features.
        unsafe {
            match tile.rows() {
                1 => multiply_vnni::<1>(tile),
                2 => multiply_vnni::<2>(tile),
                3 => multiply_vnni::<3>(tile),
                _ => multiply_vnni::<4>(tile),
            }
        }
    }
}

/// Four activations, in every lane of 32 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn broadcast(levels: &[u8; GROUP], quad: usize) -> __m256i {
    let at = 4 * quad;
    let four = [levels[at], levels[at + 1], levels[at + 2], levels[at + 3]];
    _mm256_set1_epi32(i32::from_le_bytes(four))
}

/// The products of four activations each with the weights of eight outputs, neighbours added in 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn products(activations: __m256i, weights: &[i8; 4 * COLUMNS], half: usize) -> __m256i {
    let weights = &weights[32 * half..][..32];
    // SAFETY: 32 bytes, which the load may find unaligned.
    let weights = unsafe { _mm256_loadu_si256(weights.as_ptr().cast()) };
    _mm256_maddubs_epi16(activations, weights)
}

/// What the sums of eight outputs begin with.
#[inline]
#[target_feature(enable = "avx2")]
fn offsets(group: &Group, half: usize) -> __m256i {
    let offsets = &group.offsets[LANES * half..][..LANES];
    // SAFETY: 32 bytes, which the load may find unaligned.
    unsafe { _mm256_loadu_si256(offsets.as_ptr().cast()) }
}

#[target_feature(enable = "avx2,fma")]
fn multiply_avx2<const ROWS: usize>(mut tile: Tile) {
    // Whoever calls this has proven the features.
    let lanes = Avx2(());
    let ones = _mm256_set1_epi16(1);
    let mut sums = [[lanes.load(tile.bias), lanes.load(&tile.bias[LANES..])]; ROWS];
    for (index, group) in tile.groups.iter().enumerate() {
        let quads = group.levels.as_chunks::<{ 4 * COLUMNS }>().0;
        for (row, sums) in sums.iter_mut().enumerate() {
            let (levels, scale) = tile.activations(row, index);
            let mut whole = [offsets(group, 0), offsets(group, 1)];
            for (step, weights) in quads.as_chunks::<4>().0.iter().enumerate() {
                let a = broadcast(levels, 4 * step);
                let b = broadcast(levels, 4 * step + 1);
                let c = broadcast(levels, 4 * step + 2);
                let d = broadcast(levels, 4 * step + 3);
                for (half, whole) in whole.iter_mut().enumerate() {
                    // The packed weights are such that these sums never leave 16 bits.
                    let ab = _mm256_add_epi16(
                        products(a, &weights[0], half),
                        products(b, &weights[1], half),
                    );
                    let cd = _mm256_add_epi16(
                        products(c, &weights[2], half),
                        products(d, &weights[3], half),
                    );
                    let sums = _mm256_madd_epi16(_mm256_add_epi16(ab, cd), ones);
                    *whole = _mm256_add_epi32(*whole, sums);
                }
            }
            let scale = lanes.splat(scale);
            for half in 0..2 {
                let scale = lanes.mul(scale, lanes.load(&group.scales[LANES * half..]));
                sums[half] = lanes.fused(_mm256_cvtepi32_ps(whole[half]), scale, sums[half]);
            }
        }
    }
    for (row, [low, high]) in sums.into_iter().enumerate() {
        let out = tile.output(row);
        lanes.store(low, out);
        lanes.store(high, &mut out[LANES..]);
    }
}

#[target_feature(enable = "avx512f,avx512vnni")]
fn multiply_vnni<const ROWS: usize>(mut tile: Tile) {
    // SAFETY: an array of 16 floats, which the load may find unaligned.
    let floats = |values: &[f32; COLUMNS]| unsafe { _mm512_loadu_ps(values.as_ptr()) };
    let mut sums = [floats(tile.bias); ROWS];
    for (index, group) in tile.groups.iter().enumerate() {
        // SAFETY: an array of 16 integers of 32 bits, which the load may find unaligned.
        let offsets = unsafe { _mm512_loadu_si512(group.offsets.as_ptr().cast()) };
        // Two sums for each row, so that one product need not wait for the other.
        let mut whole = [[offsets, _mm512_setzero_si512()]; ROWS];
        for (quad, weights) in group
            .levels
            .as_chunks::<{ 4 * COLUMNS }>()
            .0
            .iter()
            .enumerate()
        {
            // SAFETY: an array of 64 bytes, which the load may find unaligned.
            let weights = unsafe { _mm512_loadu_si512(weights.as_ptr().cast()) };
            for (row, whole) in whole.iter_mut().enumerate() {
                let (levels, _) = tile.activations(row, index);
                let at = 4 * quad;
                let four = [levels[at], levels[at + 1], levels[at + 2], levels[at + 3]];
                let four = _mm512_set1_epi32(i32::from_le_bytes(four));
                whole[quad % 2] = _mm512_dpbusd_epi32(whole[quad % 2], four, weights);
            }
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            let (_, scale) = tile.activations(row, index);
            let scale = _mm512_mul_ps(_mm512_set1_ps(scale), floats(&group.scales));
            let whole = _mm512_add_epi32(whole[row][0], whole[row][1]);
            *sums = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), scale, *sums);
        }
    }
    for (row, sums) in sums.into_iter().enumerate() {
        // SAFETY: an array of 16 floats, which the store may find unaligned.
        unsafe { _mm512_storeu_ps(tile.output(row).as_mut_ptr(), sums) };
    }
}

/// Runs a pass with all of it compiled for AVX2.
#[target_feature(enable = "avx2,fma")]
fn run(lanes: Avx2, pass: impl Pass) {
    pass.run(lanes);
}

// SAFETY of the blocks below: an `Avx2` exists only where the processor was found to have AVX2 and FMA, and slices are
// checked to hold what is loaded or stored.
impl Lanes for Avx2 {
    type F32 = __m256;

    fn pass(self, pass: impl Pass) {
        // SAFETY: `self` proves the features.
        unsafe { run(self, pass) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F32 {
        // SAFETY: as said above.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::F32 {
        let from = &from[..LANES];
        // SAFETY: as said above.
        unsafe { _mm256_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, value: Self::F32, to: &mut [f32]) {
        let to = &mut to[..LANES];
        // SAFETY: as said above.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), value) }
    }

    #[inline(always)]
    fn store_levels(self, value: Self::F32, to: &mut [u8]) {
        let to = &mut to[..LANES];
        // SAFETY: as said above; eight bytes are stored.
        unsafe {
            let value = _mm256_min_ps(
                _mm256_max_ps(value, _mm256_setzero_ps()),
                _mm256_set1_ps(f32::from(LARGEST)),
            );
            let whole = _mm256_cvtps_epi32(value);
            let (low, high) = (
                _mm256_castsi256_si128(whole),
                _mm256_extracti128_si256(whole, 1),
            );
            let words = _mm_packs_epi32(low, high);
            let bytes = _mm_packus_epi16(words, words);
            _mm_storel_epi64(to.as_mut_ptr().cast(), bytes);
        }
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as said above.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as said above.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as said above.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn fused(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: as said above.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as said above.
        unsafe { _mm256_min_ps(a, b) }
    }

    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as said above.
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    fn round(self, a: Self::F32) -> Self::F32 {
        // SAFETY: as said above.
        unsafe { _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC) }
    }

    #[inline(always)]
    fn power_of_two(self, a: Self::F32) -> Self::F32 {
        // SAFETY: as said above.
        unsafe {
            let biased = _mm256_add_epi32(_mm256_cvtps_epi32(a), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23))
        }
    }

    #[inline(always)]
    fn sum(self, a: Self::F32) -> f32 {
        // SAFETY: as said above.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    fn largest(self, a: Self::F32) -> f32 {
        // SAFETY: as said above.
        unsafe {
            let four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }
}
