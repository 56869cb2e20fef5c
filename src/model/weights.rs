//! The tensors of a package, read from safetensors in the packed forms that `training/pack.py` writes.

use std::{collections::HashMap, fs::File, path::Path};

use half::f16;
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use tch::{Kind, Tensor};

use super::{ModelError, Window};

/// Values that share one scale in the packed word embeddings.
const BLOCK: usize = 32;

/// Name of the packed word embeddings.
const WORD_EMBEDDINGS: &str = "embeddings.word_embeddings.weight";

/// Tensors by name, never written once they are here, so that all models of a package share them.
#[derive(Debug, Default)]
pub(super) struct Tensors(HashMap<String, Tensor>);

// SAFETY: `Tensors` hands out new handles only. Through a shared reference the storage is read, never written,
// and libtorch counts the references to it atomically.
unsafe impl Sync for Tensors {}

impl Tensors {
    pub(super) fn insert(&mut self, name: String, tensor: Tensor) {
        self.0.insert(name, tensor);
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A handle on a tensor of the given shape; shares its storage.
    pub(super) fn get(&self, name: &str, shape: &[i64]) -> Result<Tensor, ModelError> {
        let tensor = self.0.get(name).ok_or_else(|| wrong(name, "is missing"))?;
        if tensor.size() != shape {
            let message = format!("has shape {:?}, expected {shape:?}", tensor.size());
            return Err(wrong(name, message));
        }
        Ok(tensor.shallow_clone())
    }

    /// The shape of a tensor.
    pub(super) fn shape(&self, name: &str) -> Option<Vec<i64>> {
        self.0.get(name).map(Tensor::size)
    }

    /// The shapes of all tensors.
    pub(super) fn shapes(&self) -> impl Iterator<Item = Vec<i64>> {
        self.0.values().map(Tensor::size)
    }

    /// Takes out the tensors whose names begin so.
    pub(super) fn split_off(&mut self, prefix: &str) -> Self {
        Self(
            self.0
                .extract_if(|name, _| name.starts_with(prefix))
                .collect(),
        )
    }
}

/// A weights file in memory, for as long as it is read.
fn map(path: &Path) -> Result<Mmap, ModelError> {
    let io = |source| ModelError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(io)?;
    // SAFETY: the map is only read, and gone when the functions that call this return. A model must not be written in
    // place while it is opened; the fingerprint tells whether it was.
    unsafe { Mmap::map(&file) }.map_err(io)
}

fn read<'a>(path: &Path, map: &'a Mmap) -> Result<SafeTensors<'a>, ModelError> {
    SafeTensors::deserialize(map).map_err(|e| ModelError::Tensor {
        name: path.display().to_string(),
        message: e.to_string(),
    })
}

/// Reads a weights file as other programs write it: every floating point tensor in one number format, each under the
/// name that `rename` gives it.
pub(super) fn open_plain(
    path: &Path,
    kind: Kind,
    rename: impl Fn(&str) -> String,
    tensors: &mut Tensors,
) -> Result<(), ModelError> {
    let map = map(path)?;
    for (name, view) in read(path, &map)?.tensors() {
        // Tables of positions and the like are numbers that the code makes itself.
        let stored = match view.dtype() {
            Dtype::F32 => Kind::Float,
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            _ => continue,
        };
        let shape: Vec<i64> = view.shape().iter().map(|&n| n as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, stored)?;
        tensors.insert(rename(&name), tensor.f_to_kind(kind)?);
    }
    Ok(())
}

/// Reads a weights file: the word embeddings, packed, and all else as fp32.
pub(super) fn open(path: &Path) -> Result<(WordEmbeddings, Tensors), ModelError> {
    let map = map(path)?;
    let file = read(path, &map)?;
    let mut tensors = Tensors::default();
    for (name, view) in file.tensors() {
        if name == WORD_EMBEDDINGS || name.ends_with(".scale") {
            continue;
        }
        let scale = name
            .strip_suffix("weight")
            .and_then(|stem| file.tensor(&format!("{stem}scale")).ok());
        let tensor = unpack(&name, &view, scale.as_ref())?;
        tensors.insert(name, tensor);
    }
    let scale = file.tensor("embeddings.word_embeddings.scale").ok();
    let words = file
        .tensor(WORD_EMBEDDINGS)
        .map_err(|e| wrong(WORD_EMBEDDINGS, e))?;
    Ok((WordEmbeddings::new(&words, scale.as_ref())?, tensors))
}

/// The word embeddings, 4 bit in blocks of 32: a row is unpacked when its token is read, so that the table
/// takes an eighth of its size in fp32.
#[derive(Debug)]
pub(super) struct WordEmbeddings {
    levels: Vec<u8>,
    scales: Vec<f32>,
    pub(super) rows: usize,
    pub(super) width: usize,
}

impl WordEmbeddings {
    fn new(levels: &TensorView, scale: Option<&TensorView>) -> Result<Self, ModelError> {
        let name = WORD_EMBEDDINGS;
        let scale = scale.ok_or_else(|| wrong(name, "has no .scale beside it"))?;
        let (&[rows, half_width], &[scale_rows, blocks]) = (levels.shape(), scale.shape()) else {
            return Err(wrong(name, "is no matrix"));
        };
        // A matrix without rows may have any width.
        let width = half_width.saturating_mul(2);
        if levels.dtype() != Dtype::U8
            || rows != scale_rows
            || width != blocks.saturating_mul(BLOCK)
        {
            return Err(wrong(name, "is not packed in 4-bit blocks of 32"));
        }
        Ok(Self {
            levels: levels.data().to_vec(),
            scales: floats(name, scale)?,
            rows,
            width,
        })
    }

    /// Appends the vectors of a window's tokens: `width` values each.
    ///
    /// # Errors
    /// [`ModelError::Window`] for a token that does not exist.
    pub(super) fn push_rows(&self, window: &Window, out: &mut Vec<f32>) -> Result<(), ModelError> {
        let length = out.len() + window.tokens.len() * self.width;
        window
            .tokens
            .iter()
            .for_each(|&token| self.push_row(token, out));
        if out.len() != length {
            let message = "names a token that does not exist".to_owned();
            return Err(ModelError::Window(message));
        }
        Ok(())
    }

    /// Appends the vector of a token. A token that does not exist appends nothing.
    fn push_row(&self, token: u32, out: &mut Vec<f32>) {
        let row = token as usize;
        let (from, blocks) = (row * self.width / 2, self.width / BLOCK);
        let Some(levels) = self.levels.get(from..from + self.width / 2) else {
            return;
        };
        let scales = self.scales.iter().skip(row * blocks);
        for (block, &scale) in levels.chunks_exact(BLOCK / 2).zip(scales) {
            out.extend(block.iter().map(|b| (f32::from(b & 15) - 8.0) * scale));
            out.extend(block.iter().map(|b| (f32::from(b >> 4) - 8.0) * scale));
        }
    }
}

fn unpack(name: &str, view: &TensorView, scale: Option<&TensorView>) -> Result<Tensor, ModelError> {
    let shape: Vec<i64> = view.shape().iter().map(|&n| n as i64).collect();
    if view.dtype() == Dtype::I8 {
        let scale = scale.ok_or_else(|| wrong(name, "is int8 without a .scale beside it"))?;
        let (&[rows, width], &[scale_rows, groups]) = (view.shape(), scale.shape()) else {
            return Err(wrong(
                name,
                "is int8 but no matrix with scales for groups of each row",
            ));
        };
        if rows != scale_rows || groups == 0 || width % groups != 0 {
            return Err(wrong(
                name,
                format!("does not fit its .scale {:?}", scale.shape()),
            ));
        }
        let grouped = [rows, groups, width / groups].map(|n| n as i64);
        let levels = Tensor::f_from_data_size(view.data(), &grouped, Kind::Int8)?;
        let scale =
            Tensor::f_from_slice(&floats(name, scale)?)?.f_view([grouped[0], grouped[1], 1])?;
        let values = levels.f_to_kind(Kind::Float)?.f_mul(&scale)?;
        return Ok(values.f_view(shape.as_slice())?);
    }
    Ok(Tensor::f_from_slice(&floats(name, view)?)?.f_view(shape.as_slice())?)
}

fn floats(name: &str, view: &TensorView) -> Result<Vec<f32>, ModelError> {
    let data = view.data();
    match view.dtype() {
        Dtype::F32 => Ok(data
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect()),
        Dtype::F16 => Ok(data
            .chunks_exact(2)
            .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect()),
        other => Err(wrong(
            name,
            format!("has the type {other:?}, expected F32, F16 or I8"),
        )),
    }
}

fn wrong(name: &str, message: impl ToString) -> ModelError {
    ModelError::Tensor {
        name: name.to_owned(),
        message: message.to_string(),
    }
}
