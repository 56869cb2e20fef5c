//! The questions that a model of stances is asked about a target.

use crate::model::{ModelError, Sequence, Tokenizer, Window, Word};

use super::settings::{Method, StanceSettings};

/// How often a context is cut before a target counts as too long.
const CUTS: usize = 6;

/// A text with places to fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Before,
    Target,
    After,
}

/// Where a target stands in its sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The sentence in front of the target.
    pub before: &'a str,
    /// The target.
    pub target: &'a str,
    /// The sentence behind the target.
    pub after: &'a str,
}

impl Template {
    /// Reads a template; `setting` is told where it is wrong.
    pub(super) fn parse(text: &str, setting: &'static str) -> Result<Self, ModelError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (plain, behind) = rest.split_at(open);
            parts.push(Part::Text(plain.to_owned()));
            let known = [
                ("{sentence}", &[Part::Before, Part::Target, Part::After][..]),
                ("{before}", &[Part::Before]),
                ("{target}", &[Part::Target]),
                ("{after}", &[Part::After]),
            ];
            let found = known.into_iter().find_map(|(name, meant)| {
                let rest = behind.strip_prefix(name)?;
                Some((rest, meant))
            });
            let Some((behind, meant)) = found else {
                let problem = format!(
                    "{text:?}: a brace opens none of {{sentence}}, {{before}}, {{target}} and {{after}}"
                );
                return Err(ModelError::Setting { setting, problem });
            };
            parts.extend_from_slice(meant);
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self(parts))
    }

    fn names_target(&self) -> bool {
        self.0.contains(&Part::Target)
    }

    fn fill(&self, target: Target<'_>) -> String {
        let part = |part| match part {
            Part::Text(text) => text,
            Part::Before => target.before.to_owned(),
            Part::Target => target.target.to_owned(),
            Part::After => target.after.to_owned(),
        };
        self.0.iter().cloned().map(part).collect()
    }
}

/// The sequences that are asked about one target, each of a first text and perhaps a second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question(Vec<(Template, Option<Template>)>);

impl Question {
    /// The question that the settings describe.
    ///
    /// # Errors
    /// [`ModelError::Setting`] naming the template.
    pub(super) fn new(settings: &StanceSettings) -> Result<Self, ModelError> {
        let wrong = |setting, problem: &str| {
            Err(ModelError::Setting {
                setting,
                problem: problem.to_owned(),
            })
        };
        let text = settings.text.as_deref().unwrap_or("{sentence}");
        let text = Template::parse(text, "text")?;
        match settings.method {
            Method::Classification => {
                if settings.hypotheses.is_some() || settings.entailment.is_some() {
                    return wrong(
                        "method",
                        "hypotheses and entailment are for method = \"nli\"",
                    );
                }
                let pair = match settings.pair.as_deref().unwrap_or("{target}") {
                    "" => None,
                    pair => Some(Template::parse(pair, "pair")?),
                };
                let marks_target = settings
                    .text
                    .as_deref()
                    .is_some_and(|t| t.contains("{target}"));
                if !marks_target && !pair.as_ref().is_some_and(Template::names_target) {
                    return wrong(
                        "pair",
                        "neither text nor pair says where the {target} stands",
                    );
                }
                Ok(Self(vec![(text, pair)]))
            }
            Method::Nli => {
                if settings.pair.is_some() || !settings.labels.is_empty() {
                    return wrong(
                        "method",
                        "pair and labels are for method = \"classification\"",
                    );
                }
                let hypotheses = settings.hypotheses.clone().unwrap_or_default();
                let all = [
                    hypotheses.favorable,
                    hypotheses.neutral,
                    hypotheses.unfavorable,
                ];
                let mut sequences = Vec::new();
                for hypothesis in all {
                    let hypothesis = Template::parse(&hypothesis, "hypotheses")?;
                    if !hypothesis.names_target() {
                        return wrong("hypotheses", "each must hold {target}");
                    }
                    sequences.push((text.clone(), Some(hypothesis)));
                }
                Ok(Self(sequences))
            }
        }
    }

    /// The window that asks about a target, its context cut where it is too long for `max_tokens`; `None` where the
    /// target alone is.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`].
    pub(super) fn window(
        &self,
        mut target: Target<'_>,
        tokenizer: &Tokenizer,
        max_tokens: usize,
    ) -> Result<Option<Window>, ModelError> {
        for cut in 0..CUTS {
            let window = self.fill(target, tokenizer)?;
            let longest = window.sequences.iter().map(|s| s.tokens.len()).max();
            let over = longest.unwrap_or(0).saturating_sub(max_tokens);
            if over == 0 {
                return Ok(Some(window));
            }
            target = shorten(target, over + cut, tokenizer)?;
        }
        Ok(None)
    }

    fn fill(&self, target: Target<'_>, tokenizer: &Tokenizer) -> Result<Window, ModelError> {
        let mut window = Window::default();
        for (first, second) in &self.0 {
            let second = second.as_ref().map(|second| second.fill(target));
            let encoded = tokenizer.encode(&first.fill(target), second.as_deref())?;
            let from = window.tokens.len();
            window.tokens.extend(encoded.tokens);
            window.sequences.push(Sequence {
                tokens: from..window.tokens.len(),
                second: from + encoded.second,
            });
        }
        window.words.push(Word {
            tokens: 0..window.tokens.len(),
            starts_line: true,
        });
        window.targets = Some(std::iter::once(0..1).collect());
        window.heads.stance = true;
        Ok(window)
    }
}

/// Cuts so many tokens off the context, from the longer side first.
fn shorten<'a>(
    target: Target<'a>,
    tokens: usize,
    tokenizer: &Tokenizer,
) -> Result<Target<'a>, ModelError> {
    let before = tokenizer.tokenize(target.before)?;
    let after = tokenizer.tokenize(target.after)?;
    let keep = (before.len() + after.len()).saturating_sub(tokens);
    let keep_before = before
        .len()
        .min((keep / 2).max(keep.saturating_sub(after.len())));
    let keep_after = after.len().min(keep - keep_before);
    let from = match before.len() - keep_before {
        0 => 0,
        cut => before
            .get(cut)
            .map_or(target.before.len(), |t| t.start as usize),
    };
    let to = match keep_after == after.len() {
        true => target.after.len(),
        false => keep_after
            .checked_sub(1)
            .and_then(|last| after.get(last))
            .map_or(0, |t| t.end as usize),
    };
    Ok(Target {
        before: target.before.get(from..).unwrap_or_default(),
        target: target.target,
        after: target.after.get(..to).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::hugging_face::settings::Hypotheses;

    const TARGET: Target = Target {
        before: "Gestern lobte ",
        target: "Ida Brosch",
        after: " den Rat.",
    };

    fn filled(template: &str) -> String {
        Template::parse(template, "text").unwrap().fill(TARGET)
    }

    #[test]
    fn a_template_takes_the_sentence_or_its_parts() {
        assert_eq!(filled("{sentence}"), "Gestern lobte Ida Brosch den Rat.");
        assert_eq!(
            filled("{before}[T] {target} [/T]{after}"),
            "Gestern lobte [T] Ida Brosch [/T] den Rat."
        );
        assert_eq!(filled("Was gilt {target}?"), "Was gilt Ida Brosch?");
    }

    #[test]
    fn what_cannot_ask_about_a_target_is_refused_with_the_setting() {
        let settings = |text: Option<&str>, pair: Option<&str>| StanceSettings {
            text: text.map(Into::into),
            pair: pair.map(Into::into),
            ..StanceSettings::default()
        };
        let hypotheses = |favorable: &str| StanceSettings {
            method: Method::Nli,
            hypotheses: Some(Hypotheses {
                favorable: favorable.into(),
                ..Hypotheses::default()
            }),
            ..StanceSettings::default()
        };
        for (settings, told) in [
            (settings(Some("{satz}"), None), "text: \"{satz}\""),
            (settings(None, Some("")), "pair: neither"),
            (settings(None, Some("aspect")), "pair: neither"),
            (hypotheses("all is well"), "hypotheses: each"),
            (hypotheses("{whom} is good"), "hypotheses: \"{whom}"),
        ] {
            let error = Question::new(&settings).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
