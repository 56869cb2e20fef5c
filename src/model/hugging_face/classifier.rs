//! One thread's model of a checkpoint.

use std::sync::Arc;

use tch::{Device, Kind, Tensor, nn};

use crate::model::{
    Distribution, ModelError, Polarity, Reading, TypeProbabilities, Window, WindowMention,
    WindowStance,
};

use super::{Answer, Checkpoint, Network, Task, words};

/// Tokens of one pass, padding included; see the encoder of packages.
const PASS_TOKENS: usize = 512;

/// A token sequence that the model reads by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Input<'a> {
    pub(super) tokens: &'a [u32],
    /// Where the second text begins; the length where there is none.
    pub(super) second: usize,
}

/// One thread's model; the weights are shared between all of a checkpoint.
pub struct Classifier {
    network: Network,
    checkpoint: Arc<Checkpoint>,
    /// Whether passes may hold several sequences.
    keeps_bits: bool,
}

impl Classifier {
    pub(super) fn new(checkpoint: Arc<Checkpoint>) -> Result<Self, ModelError> {
        let store = nn::VarStore::new(Device::Cpu);
        let network = Network::new(
            checkpoint.architecture,
            checkpoint.head,
            &store.root(),
            &checkpoint.config,
        )?;
        for (name, mut variable) in store.variables() {
            if !checkpoint.variables.contains(&name) {
                continue;
            }
            let tensor = checkpoint.variables.get(&name, &variable.size())?;
            tch::no_grad(|| variable.f_set_data(&tensor))?;
        }
        let mut classifier = Self {
            network,
            checkpoint,
            keeps_bits: false,
        };
        classifier.keeps_bits = match classifier.checkpoint.keeps_bits.get() {
            Some(&known) => known,
            None => {
                let found = tch::no_grad(|| classifier.check_bits())?;
                *classifier.checkpoint.keeps_bits.get_or_init(|| found)
            }
        };
        Ok(classifier)
    }

    /// Reads windows; see [`Model::read`](crate::model::Model::read).
    pub(in crate::model) fn read(&self, windows: &[&Window]) -> Result<Vec<Reading>, ModelError> {
        let mut inputs = Vec::new();
        for window in windows {
            match window.sequences.as_slice() {
                [] => inputs.push(Input {
                    tokens: &window.tokens,
                    second: window.tokens.len(),
                }),
                sequences => {
                    for sequence in sequences {
                        let tokens = window.tokens.get(sequence.tokens.clone());
                        let outside = || ModelError::Window("a sequence is cut off".to_owned());
                        inputs.push(Input {
                            tokens: tokens.ok_or_else(outside)?,
                            second: sequence.second.saturating_sub(sequence.tokens.start),
                        });
                    }
                }
            }
        }
        let mut logits = self.logits(&inputs)?.into_iter();
        let reading = |window: &&Window| {
            let count = window.sequences.len().max(1);
            let own: Vec<Vec<f32>> = logits.by_ref().take(count).collect();
            self.reading(window, &own)
        };
        windows.iter().map(reading).collect()
    }

    fn reading(&self, window: &Window, logits: &[Vec<f32>]) -> Result<Reading, ModelError> {
        let mentions = match &self.checkpoint.task {
            Task::Entities {
                labels,
                aggregation,
            } if window.heads.ner => {
                let rows = logits.first().map_or(&[][..], Vec::as_slice);
                let rows: Vec<f32> = rows.chunks_exact(labels.len()).flat_map(softmax).collect();
                let rows = words::word_rows(&window.words, &rows, labels.len(), *aggregation);
                words::mentions(&rows, labels, &window.words)
            }
            Task::Stances { answer, .. } if window.heads.stance => {
                let polarity = distribution(answer, logits).ok_or_else(|| {
                    ModelError::Window("asks another question than this model's".to_owned())
                })?;
                let target = |words: &std::ops::Range<usize>| WindowMention {
                    words: words.clone(),
                    entity_type: None,
                    probability: 1.0,
                    type_probabilities: TypeProbabilities::default(),
                    stance: Some(WindowStance {
                        polarity,
                        author: 0.0,
                        unnamed: 0.0,
                        mentions: vec![0.0],
                    }),
                };
                window
                    .targets
                    .iter()
                    .flatten()
                    .take(1)
                    .map(target)
                    .collect()
            }
            Task::Entities { .. } | Task::Stances { .. } => Vec::new(),
        };
        Ok(Reading {
            mentions,
            tones: Vec::new(),
            watched: Vec::new(),
        })
    }

    /// The logits of each sequence, row by row where there is a row for each token.
    ///
    /// They are the same bits whatever a sequence is batched with; see the encoder of packages.
    pub(super) fn logits(&self, inputs: &[Input<'_>]) -> Result<Vec<Vec<f32>>, ModelError> {
        let (limit, vocabulary) = (
            self.checkpoint.windows.max_tokens,
            self.checkpoint.vocabulary,
        );
        for input in inputs {
            let length = input.tokens.len();
            if length == 0 || length > limit {
                return Err(ModelError::Window(format!(
                    "has {length} tokens, expected 1 to {limit}"
                )));
            }
            if input.tokens.iter().any(|&token| token >= vocabulary) {
                return Err(ModelError::Window(
                    "names a token that does not exist".to_owned(),
                ));
            }
        }
        let _no_gradients = tch::no_grad_guard();
        let mut order: Vec<usize> = (0..inputs.len()).collect();
        order.sort_by_key(|&i| inputs[i].tokens.len());
        let mut logits: Vec<Vec<f32>> = vec![Vec::new(); inputs.len()];
        for same in order.chunk_by(|&a, &b| self.padded(inputs[a]) == self.padded(inputs[b])) {
            let length = same.first().map_or(1, |&i| self.padded(inputs[i]));
            let in_one_pass = if self.keeps_bits {
                PASS_TOKENS / length
            } else {
                1
            };
            for pass in same.chunks(in_one_pass.max(1)) {
                let batch: Vec<Input<'_>> = pass.iter().map(|&i| inputs[i]).collect();
                for (&i, read) in pass.iter().zip(self.pass(&batch, length)?) {
                    logits[i] = read;
                }
            }
        }
        Ok(logits)
    }

    /// The length that a sequence is padded to.
    fn padded(&self, input: Input<'_>) -> usize {
        let tokens = input.tokens.len();
        tokens
            .next_multiple_of(self.checkpoint.architecture.pads_to())
            .min(self.checkpoint.windows.max_tokens.max(tokens))
    }

    /// One pass through the network: `[inputs, length]` tokens.
    fn pass(&self, inputs: &[Input<'_>], length: usize) -> Result<Vec<Vec<f32>>, ModelError> {
        let room = inputs.len() * length;
        let (mut ids, mut mask, mut types) = (
            Vec::with_capacity(room),
            Vec::with_capacity(room),
            Vec::with_capacity(room),
        );
        for (row, input) in inputs.iter().enumerate() {
            let tokens = input.tokens.len();
            ids.extend(input.tokens.iter().map(|&token| i64::from(token)));
            ids.resize((row + 1) * length, i64::from(self.checkpoint.pad));
            mask.resize(row * length + tokens, 1_i64);
            mask.resize((row + 1) * length, 0);
            types.resize(row * length + input.second.min(tokens), 0_i64);
            types.resize(row * length + tokens, 1);
            types.resize((row + 1) * length, 0);
        }
        let shape = [inputs.len() as i64, length as i64];
        let ids = Tensor::f_from_slice(&ids)?.f_view(shape)?;
        let mask = Tensor::f_from_slice(&mask)?.f_view(shape)?;
        let types = Tensor::f_from_slice(&types)?.f_view(shape)?;
        let types = self.checkpoint.has_types.then_some(&types);
        let output = self.network.logits(&ids, &mask, types)?;
        let output = output.f_to_kind(Kind::Float)?.f_contiguous()?;
        let mut logits = Vec::with_capacity(inputs.len());
        for (row, input) in inputs.iter().enumerate() {
            let own = output.f_get(row as i64)?;
            let own = match own.dim() {
                2 => own
                    .f_narrow(0, 0, input.tokens.len() as i64)?
                    .f_contiguous()?,
                _ => own,
            };
            let mut values = vec![0.0; own.numel()];
            let numel = values.len();
            own.f_copy_data(&mut values, numel)?;
            logits.push(values);
        }
        Ok(logits)
    }

    /// Whether sequences that share a pass get the same bits as alone; see the encoder of packages.
    fn check_bits(&self) -> Result<bool, ModelError> {
        let longest = self.checkpoint.windows.max_tokens;
        let shapes = [(8, 9), (24, 5), (72, 3), (136, 3)];
        for (length, count) in shapes.into_iter().filter(|&(length, _)| length <= longest) {
            let special = self.checkpoint.special_tokens;
            let vocabulary = self.checkpoint.vocabulary;
            let sequence = |number: u32| {
                let token = |i: u32| (i * 7919 + number * 104_729) % vocabulary;
                let ordinary = |i| match token(i) {
                    // Networks look for these.
                    t if t == self.checkpoint.pad || t == special.end => special.begin,
                    t => t,
                };
                let mut tokens: Vec<u32> = (1..length as u32 - number % 3).map(ordinary).collect();
                tokens.push(special.end);
                tokens
            };
            let sequences: Vec<Vec<u32>> = (0..count).map(sequence).collect();
            let inputs: Vec<Input<'_>> = sequences
                .iter()
                .map(|tokens| Input {
                    tokens,
                    second: tokens.len(),
                })
                .collect();
            for (input, batched) in inputs.iter().zip(self.pass(&inputs, length)?) {
                if self.pass(&[*input], length)?.first() != Some(&batched) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

impl std::fmt::Debug for Classifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Classifier")
            .field("architecture", &self.checkpoint.architecture)
            .finish_non_exhaustive()
    }
}

/// The distribution over polarities that the logits of a question's sequences come to.
fn distribution(answer: &Answer, logits: &[Vec<f32>]) -> Option<Distribution> {
    match answer {
        Answer::Labels(polarities) => {
            let row = logits.first()?;
            let probabilities = softmax(row);
            let of = |wanted: Polarity| {
                let all = probabilities.iter().zip(polarities);
                all.filter(|(_, polarity)| **polarity == wanted)
                    .map(|(p, _)| p)
                    .sum()
            };
            Some(Distribution {
                favorable: of(Polarity::Favorable),
                neutral: of(Polarity::Neutral),
                unfavorable: of(Polarity::Unfavorable),
            })
        }
        Answer::Entailment(label) => {
            let entailed: Option<Vec<f32>> =
                logits.iter().map(|row| row.get(*label).copied()).collect();
            match softmax(&entailed?).as_slice() {
                &[favorable, neutral, unfavorable] => Some(Distribution {
                    favorable,
                    neutral,
                    unfavorable,
                }),
                _ => None,
            }
        }
    }
}

fn softmax(row: &[f32]) -> Vec<f32> {
    let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = row.iter().map(|value| (value - greatest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}
