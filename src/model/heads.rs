//! The heads on the encoder's token vectors.
//!
//! With `h` the width of the encoder: a word's vector is the mean of its tokens'; a mention has `m`, the mean of
//! its words, and `f`, its first word; `c` is the vector of `<s>`. Every product runs over one window alone,
//! so that a reading never depends on the batch.

use tch::{Kind, Tensor};

use super::{
    Distribution, EntityType, ModelError, Package, Reading, TypeProbabilities, Window,
    WindowMention, WindowStance,
    decode::{Transitions, decode},
    encoder::States,
    weights::Tensors,
};

/// Mentions before and after the target that the holder head tells apart by their distance.
const FARTHEST: i64 = 9;

/// `x W^T + b`.
#[derive(Debug)]
struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    fn new(tensors: &Tensors, name: &str, outputs: i64, inputs: i64) -> Result<Self, ModelError> {
        Ok(Self {
            weight: tensors.get(&format!("{name}.weight"), &[outputs, inputs])?,
            bias: tensors.get(&format!("{name}.bias"), &[outputs])?,
        })
    }

    fn apply(&self, input: &Tensor) -> Result<Tensor, ModelError> {
        Ok(input.f_linear(&self.weight, Some(&self.bias))?)
    }
}

/// `out(gelu(dense(x)))`, softmax.
#[derive(Debug)]
struct Classifier {
    dense: Linear,
    out: Linear,
}

impl Classifier {
    fn new(tensors: &Tensors, name: &str, inputs: i64, width: i64) -> Result<Self, ModelError> {
        Ok(Self {
            dense: Linear::new(tensors, &format!("{name}.dense"), width, inputs)?,
            out: Linear::new(tensors, &format!("{name}.out"), 3, width)?,
        })
    }

    /// One distribution for each row of `[n, inputs]`.
    fn distributions(&self, input: &Tensor) -> Result<Vec<Distribution>, ModelError> {
        let logits = self.out.apply(&self.dense.apply(input)?.f_gelu("none")?)?;
        let values = values(&logits.f_softmax(-1, Kind::Float)?)?;
        Ok(values
            .chunks_exact(3)
            .map(|row| Distribution {
                unfavorable: row[0],
                neutral: row[1],
                favorable: row[2],
            })
            .collect())
    }
}

/// The weights of all heads.
#[derive(Debug)]
pub(super) struct HeadWeights {
    entity_types: Vec<EntityType>,
    ner: Linear,
    /// Of a package that has them.
    transitions: Option<Transitions>,
    polarity: Classifier,
    tone: Classifier,
    /// The vectors of AUTHOR and UNNAMED, `[2, 2h]`.
    holder_special: Tensor,
    holder_target: Linear,
    holder_candidate: Linear,
    /// Row 0 for AUTHOR and UNNAMED, row `10 + d` for a mention `d` mentions behind the target, `[21, h]`.
    holder_distance: Tensor,
    holder_out: Linear,
}

impl HeadWeights {
    pub(super) fn new(package: &Package) -> Result<Self, ModelError> {
        let h = package.bert.hidden_size;
        let tensors = &package.heads;
        let entity_types = package.entity_types().to_vec();
        let labels = 1 + 2 * entity_types.len() as i64;
        Ok(Self {
            ner: Linear::new(tensors, "heads.ner", labels, h)?,
            transitions: transitions(tensors, labels)?,
            entity_types,
            polarity: Classifier::new(tensors, "heads.polarity", 3 * h, h)?,
            tone: Classifier::new(tensors, "heads.tone", 2 * h, h)?,
            holder_special: tensors.get("heads.holder.special", &[2, 2 * h])?,
            holder_target: Linear::new(tensors, "heads.holder.target", h, 2 * h)?,
            holder_candidate: Linear::new(tensors, "heads.holder.candidate", h, 2 * h)?,
            holder_distance: tensors.get("heads.holder.distance.weight", &[2 * FARTHEST + 3, h])?,
            holder_out: Linear::new(tensors, "heads.holder.out", 1, h)?,
        })
    }

    /// Reads one window from its token vectors.
    pub(super) fn read(&self, window: &Window, states: &States) -> Result<Reading, ModelError> {
        if window.words.is_empty() {
            return Ok(Reading::default());
        }
        let words = word_vectors(window, states)?;
        let mut mentions = match &window.targets {
            Some(targets) => given(targets, window.words.len())?,
            None if window.heads.ner => self.find(window, &words)?,
            None => Vec::new(),
        };
        let first_token = Tensor::f_from_slice(states.values.get(..states.width).unwrap_or(&[]))?;
        if window.heads.stance && !mentions.is_empty() {
            let stances = self.stances(&mentions, &words, &first_token)?;
            for (mention, stance) in mentions.iter_mut().zip(stances) {
                mention.stance = Some(stance);
            }
        }
        let mut tones = Vec::new();
        if window.heads.tone && !window.sentences.is_empty() {
            tones = self.tones(&window.sentences, &words, &first_token)?;
        }
        let mut watched = Vec::new();
        if window.heads.stance && !window.watched.is_empty() {
            watched = self.watched(window, &mentions, &words, &first_token)?;
        }
        Ok(Reading {
            mentions,
            tones,
            watched,
        })
    }

    fn find(&self, window: &Window, words: &Tensor) -> Result<Vec<WindowMention>, ModelError> {
        let logits = self.ner.apply(words)?;
        let rows = values(&logits.f_log_softmax(-1, Kind::Float)?)?;
        let starts_line: Vec<bool> = window.words.iter().map(|word| word.starts_line).collect();
        let types = self.entity_types.len();
        let decoded = match &self.transitions {
            Some(transitions) => transitions.decode(&rows, types, &starts_line),
            None => decode(&rows, types, &starts_line),
        };
        Ok(decoded
            .into_iter()
            .map(|mention| WindowMention {
                words: mention.words,
                entity_type: self.entity_types.get(mention.type_index).copied(),
                probability: mention.probability,
                type_probabilities: self.type_probabilities(&mention.types),
                stance: None,
            })
            .collect())
    }

    /// Puts the types of the NER head into the order of [`EntityType::ALL`].
    fn type_probabilities(&self, types: &[f32]) -> TypeProbabilities {
        let of = |wanted| {
            let mut known = self.entity_types.iter().zip(types);
            known.find(|(t, _)| **t == wanted).map_or(0.0, |(_, &p)| p)
        };
        TypeProbabilities(EntityType::ALL.map(of))
    }

    /// The tone of each sentence, from `c` and the mean of its words.
    fn tones(
        &self,
        sentences: &[std::ops::Range<usize>],
        words: &Tensor,
        first_token: &Tensor,
    ) -> Result<Vec<Distribution>, ModelError> {
        let mut rows = Vec::with_capacity(sentences.len());
        for sentence in sentences {
            let mean = mean_of(words, sentence)?;
            rows.push(Tensor::f_cat(&[first_token, &mean], 0)?);
        }
        self.tone.distributions(&Tensor::f_stack(&rows, 0)?)
    }

    /// The stance toward spans beside the mentions, each as if it stood alone among them. One after the other: a
    /// product of several rows could differ in its last bits from that of one.
    fn watched(
        &self,
        window: &Window,
        mentions: &[WindowMention],
        words: &Tensor,
        first_token: &Tensor,
    ) -> Result<Vec<Option<WindowStance>>, ModelError> {
        let targets = given(&window.watched, window.words.len())?;
        let mut candidates = vec![self.holder_special.shallow_clone()];
        for mention in mentions {
            candidates.push(form(words, &mention.words)?.f_unsqueeze(0)?);
        }
        let candidates = self
            .holder_candidate
            .apply(&Tensor::f_cat(&candidates, 0)?)?;
        let stance = |target: &WindowMention| {
            let own = &target.words;
            let meets = |m: &WindowMention| m.words.start < own.end && own.start < m.words.end;
            if mentions.iter().any(meets) {
                return Ok(None);
            }
            let form = form(words, own)?.f_unsqueeze(0)?;
            let context = first_token.f_unsqueeze(0)?;
            let polarity = self
                .polarity
                .distributions(&Tensor::f_cat(&[&form, &context], 1)?)?;
            let before = mentions
                .iter()
                .take_while(|m| m.words.end <= own.start)
                .count() as i64;
            let mut distances = vec![0, 0];
            distances.extend((0..mentions.len() as i64).map(|mention| {
                // The target would stand between those before it and those behind.
                let distance = mention - before + i64::from(mention >= before);
                distance.clamp(-FARTHEST, FARTHEST) + FARTHEST + 1
            }));
            let distances = self
                .holder_distance
                .f_index_select(0, &Tensor::f_from_slice(&distances)?)?;
            let hidden = self
                .holder_target
                .apply(&form)?
                .f_add(&candidates)?
                .f_add(&distances)?
                .f_gelu("none")?;
            let scores = self.holder_out.apply(&hidden)?.f_squeeze_dim(-1)?;
            let holders = values(&scores.f_softmax(-1, Kind::Float)?)?;
            let [author, unnamed, ref mentions @ ..] = holders[..] else {
                return Err(ModelError::Window("a target has no holder".to_owned()));
            };
            Ok(polarity.first().map(|&polarity| WindowStance {
                polarity,
                author,
                unnamed,
                mentions: mentions.to_vec(),
            }))
        };
        targets.iter().map(stance).collect()
    }

    fn stances(
        &self,
        mentions: &[WindowMention],
        words: &Tensor,
        first_token: &Tensor,
    ) -> Result<Vec<WindowStance>, ModelError> {
        let n = mentions.len() as i64;
        let mut forms = Vec::with_capacity(mentions.len());
        for mention in mentions {
            forms.push(form(words, &mention.words)?);
        }
        let forms = Tensor::f_stack(&forms, 0)?;
        let context = first_token.f_unsqueeze(0)?.f_expand([n, -1], false)?;
        let polarities = self
            .polarity
            .distributions(&Tensor::f_cat(&[&forms, &context], 1)?)?;

        let targets = self.holder_target.apply(&forms)?.f_unsqueeze(1)?;
        let candidates = Tensor::f_cat(&[&self.holder_special, &forms], 0)?;
        let candidates = self.holder_candidate.apply(&candidates)?.f_unsqueeze(0)?;
        let distances = distances(n)?;
        let distances = self
            .holder_distance
            .f_index_select(0, &distances.f_flatten(0, -1)?)?
            .f_view([n, n + 2, -1])?;
        let hidden = targets
            .f_add(&candidates)?
            .f_add(&distances)?
            .f_gelu("none")?;
        let scores = self.holder_out.apply(&hidden)?.f_squeeze_dim(-1)?;
        // The target itself is no candidate.
        let own = Tensor::f_eye_m(n, n + 2, (Kind::Float, scores.device()))?.f_roll(2, 1)?;
        let scores = scores.f_add(&own.f_mul_scalar(-1e9)?)?;
        let holders = values(&scores.f_softmax(-1, Kind::Float)?)?;

        Ok(polarities
            .into_iter()
            .zip(holders.chunks_exact(mentions.len() + 2))
            .map(|(polarity, holders)| WindowStance {
                polarity,
                author: holders[0],
                unnamed: holders[1],
                mentions: holders[2..].to_vec(),
            })
            .collect())
    }
}

/// The weights between the labels of names, all three parts or none.
fn transitions(tensors: &Tensors, labels: i64) -> Result<Option<Transitions>, ModelError> {
    let names = ["transitions", "start", "end"].map(|part| format!("heads.ner.{part}"));
    if !names.iter().any(|name| tensors.contains(name)) {
        return Ok(None);
    }
    let [between, start, end] = names;
    Ok(Some(Transitions::new(
        &values(&tensors.get(&between, &[labels, labels])?)?,
        &values(&tensors.get(&start, &[labels])?)?,
        &values(&tensors.get(&end, &[labels])?)?,
    )))
}

/// `[2h]`: the mean of a mention's words and the first of them.
fn form(words: &Tensor, range: &std::ops::Range<usize>) -> Result<Tensor, ModelError> {
    let first = words.f_get(range.start as i64)?;
    Ok(Tensor::f_cat(&[mean_of(words, range)?, first], 0)?)
}

/// `[h]`: the mean of some words.
fn mean_of(words: &Tensor, range: &std::ops::Range<usize>) -> Result<Tensor, ModelError> {
    let some = words.f_narrow(0, range.start as i64, range.len() as i64)?;
    Ok(some.f_mean_dim(0, false, Kind::Float)?)
}

/// The row of the distance table for each target (rows) and candidate (columns): `[n, n + 2]`.
fn distances(n: i64) -> Result<Tensor, ModelError> {
    let mut rows = Vec::with_capacity((n * (n + 2)) as usize);
    for target in 0..n {
        rows.extend([0, 0]);
        rows.extend(
            (0..n).map(|mention| (mention - target).clamp(-FARTHEST, FARTHEST) + FARTHEST + 1),
        );
    }
    Ok(Tensor::f_from_slice(&rows)?.f_view([n, n + 2])?)
}

/// `[words, h]`: the mean of each word's tokens. A word without tokens takes the vector of the token before it.
fn word_vectors(window: &Window, states: &States) -> Result<Tensor, ModelError> {
    let width = states.width;
    let mut vectors = vec![0.0_f32; window.words.len() * width];
    let mut before = 0;
    for (word, vector) in window.words.iter().zip(vectors.chunks_exact_mut(width)) {
        let tokens = if word.tokens.is_empty() {
            before..before + 1
        } else {
            word.tokens.clone()
        };
        before = tokens.end - 1;
        let rows = states
            .values
            .get(tokens.start * width..tokens.end * width)
            .ok_or_else(|| ModelError::Window("a word lies outside its tokens".to_owned()))?;
        for row in rows.chunks_exact(width) {
            vector
                .iter_mut()
                .zip(row)
                .for_each(|(sum, value)| *sum += value);
        }
        let count = tokens.len() as f32;
        vector.iter_mut().for_each(|sum| *sum /= count);
    }
    Ok(Tensor::f_from_slice(&vectors)?.f_view([window.words.len() as i64, width as i64])?)
}

fn given(
    targets: &[std::ops::Range<usize>],
    words: usize,
) -> Result<Vec<WindowMention>, ModelError> {
    targets
        .iter()
        .map(|target| {
            if target.is_empty() || target.end > words {
                return Err(ModelError::Window(format!(
                    "the target {target:?} is not within the {words} words"
                )));
            }
            Ok(WindowMention {
                words: target.clone(),
                entity_type: None,
                probability: 1.0,
                type_probabilities: TypeProbabilities::default(),
                stance: None,
            })
        })
        .collect()
}

fn values(tensor: &Tensor) -> Result<Vec<f32>, ModelError> {
    let mut values = vec![0.0; tensor.numel()];
    let numel = values.len();
    tensor.f_contiguous()?.f_copy_data(&mut values, numel)?;
    Ok(values)
}
