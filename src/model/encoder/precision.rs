//! The number format of the encoder.

use rust_bert::bert::BertConfig;
use serde::Deserialize;

use super::{super::ModelError, int8::Kernel, packed};

/// The number format that the encoder is asked to compute in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// The fastest for this processor: int8 where it has AVX2 or AVX-512 VNNI, else bf16 or fp32.
    #[default]
    Auto,
    /// 8-bit integers, with fp32 between the products; slower than fp32 on processors without a kernel for it.
    Int8,
    /// bfloat16: about twice as fast as fp32 on processors with AVX-512 BF16 or AMX, slower on others.
    Bf16,
    /// 32-bit floating point.
    Fp32,
}

/// The number format that an encoder computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// 8-bit integers, with fp32 between the products.
    Int8,
    /// bfloat16.
    Bf16,
    /// 32-bit floating point.
    Fp32,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Int8, Self::Bf16, Self::Fp32];

    /// Its name, as a setting gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::Bf16 => "bf16",
            Self::Fp32 => "fp32",
        }
    }
}

impl Precision {
    /// The format for an encoder of this shape on this processor.
    pub(in super::super) fn format(self, config: &BertConfig) -> Result<Format, ModelError> {
        let int8 = packed::shape(config).map(|_| Format::Int8);
        match self {
            Self::Int8 => int8.map_err(ModelError::Precision),
            Self::Bf16 => Ok(Format::Bf16),
            Self::Fp32 => Ok(Format::Fp32),
            // Kernels that were compiled without optimisation are slower than libtorch's.
            Self::Auto if !cfg!(debug_assertions) && int8.is_ok() && Kernel::detect().is_some() => {
                Ok(Format::Int8)
            }
            Self::Auto if has_bf16() => Ok(Format::Bf16),
            Self::Auto => Ok(Format::Fp32),
        }
    }
}

/// Whether bf16 is faster than fp32 here.
fn has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    false
}
