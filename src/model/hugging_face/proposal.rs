//! A look at a model that nobody has described yet: what it may be for, and how its section would read.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde_json::Value;

use super::{
    Checkpoint, Classifier, EntitySettings, Files, Method, StanceSettings, architecture::HeadKind,
    labels,
};
use crate::model::{ModelError, package::read};

/// What a model can be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Purpose {
    /// It finds names.
    Entities,
    /// It judges targets.
    Stances,
}

/// The settings that a model may be used with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settings {
    /// As a model of entities.
    Entities(EntitySettings),
    /// As a model of stances.
    Stances(StanceSettings),
}

/// How a model may be used, for somebody to confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its `model_type`.
    pub model_type: String,
    /// Its labels in the order of its outputs.
    pub labels: Vec<String>,
    /// The settings, without the place of the model.
    pub settings: Settings,
    /// The labels whose meaning was guessed.
    pub guessed: Vec<String>,
}

impl Proposal {
    /// Looks at a directory. Without a purpose that of the head is taken which the model was trained with.
    ///
    /// # Errors
    /// [`ModelError`] naming what is missing and how to get it.
    pub fn of(directory: &Path, purpose: Option<Purpose>) -> Result<Self, ModelError> {
        let files = Files::find(directory)?;
        let config_path = files.config.clone();
        let wrong = |message: String| ModelError::Config {
            path: config_path.clone(),
            message,
        };
        let text = read(&files.config)?;
        let config: Value = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
        let facts: super::Facts =
            serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
        let purpose = match purpose.or_else(|| trained_for(&config)) {
            Some(purpose) => purpose,
            None => {
                return Err(wrong(format!(
                    "architectures is {}: no token or sequence classification; fine-tune the model for one, or say \
                     with --as which it is",
                    config.get("architectures").unwrap_or(&Value::Null)
                )));
            }
        };
        let head = match purpose {
            Purpose::Entities => HeadKind::Tokens,
            Purpose::Stances => HeadKind::Sequence,
        };
        super::Opened::open(directory, head)?;
        let labels = facts.labels().map_err(wrong)?;
        let (settings, guessed) = match purpose {
            Purpose::Entities => entities(&labels),
            Purpose::Stances => stances(&labels),
        };
        Ok(Self {
            model_type: facts.model_type,
            labels,
            settings,
            guessed,
        })
    }

    /// Opens the model with the proposed settings and reads a first window.
    ///
    /// # Errors
    /// [`ModelError`] where it cannot run so.
    pub fn try_out(&self, directory: &Path) -> Result<Checkpoint, ModelError> {
        let checkpoint = match &self.settings {
            Settings::Entities(settings) => {
                Checkpoint::for_entities(directory, settings, "import", &[])?
            }
            Settings::Stances(settings) => {
                Checkpoint::for_stances(directory, settings, "import", &[])?
            }
        };
        let checkpoint = Arc::new(checkpoint);
        let classifier = Classifier::new(Arc::clone(&checkpoint))?;
        classifier.read(&[&checkpoint.first_window()])?;
        drop(classifier);
        Arc::into_inner(checkpoint)
            .ok_or_else(|| ModelError::Window("the model is still in use".to_owned()))
    }
}

fn trained_for(config: &Value) -> Option<Purpose> {
    let names = config.get("architectures")?.as_array()?;
    let ends = |end: &str| {
        names
            .iter()
            .filter_map(Value::as_str)
            .any(|n| n.ends_with(end))
    };
    if ends("ForTokenClassification") {
        Some(Purpose::Entities)
    } else if ends("ForSequenceClassification") {
        Some(Purpose::Stances)
    } else {
        None
    }
}

fn entities(labels: &[String]) -> (Settings, Vec<String>) {
    let unknown = labels
        .iter()
        .filter(|label| !labels::speaks_for_itself(label));
    let map: BTreeMap<String, String> = unknown
        .map(|label| labels::guess(label))
        .map(|(name, meant)| (name.to_owned(), meant.to_owned()))
        .collect();
    let guessed = map.keys().cloned().collect();
    let settings = EntitySettings {
        labels: map,
        ..EntitySettings::default()
    };
    (Settings::Entities(settings), guessed)
}

fn stances(labels: &[String]) -> (Settings, Vec<String>) {
    if labels::entailment(labels, None).is_ok() {
        let settings = StanceSettings {
            method: Method::Nli,
            ..StanceSettings::default()
        };
        return (Settings::Stances(settings), Vec::new());
    }
    let mut map = BTreeMap::new();
    if labels.iter().any(|label| labels::polarity(label).is_none()) {
        // Most models count from bad to good.
        for (index, label) in labels.iter().enumerate() {
            let place = (2 * index + 1).cmp(&labels.len());
            let meant = match labels::polarity(label) {
                Some(_) => continue,
                None if place.is_lt() => "unfavorable",
                None if place.is_eq() => "neutral",
                None => "favorable",
            };
            map.insert(label.clone(), meant.to_owned());
        }
    }
    let guessed = map.keys().cloned().collect();
    let settings = StanceSettings {
        labels: map,
        ..StanceSettings::default()
    };
    (Settings::Stances(settings), guessed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(labels: &[&str]) -> Vec<String> {
        labels.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn labels_that_do_not_speak_for_themselves_are_guessed() {
        let labels = strings(&["O", "B-PER", "B-CORP", "I-CORP", "B-DATE", "EVENT"]);
        let (Settings::Entities(settings), guessed) = entities(&labels) else {
            panic!("no entities");
        };
        let expected = [("CORP", "ORG"), ("DATE", "none"), ("EVENT", "MISC")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(settings.labels, expected.into());
        assert_eq!(guessed, ["CORP", "DATE", "EVENT"]);
    }

    #[test]
    fn polarities_are_guessed_from_bad_to_good_and_entailment_means_hypotheses() {
        let of = |labels: &[&str]| match stances(&strings(labels)) {
            (Settings::Stances(settings), _) => settings,
            (Settings::Entities(_), _) => panic!("no stances"),
        };
        let stars = of(&["1 star", "2 stars", "3 stars", "4 stars", "5 stars"]);
        let meant: Vec<&str> = stars.labels.values().map(String::as_str).collect();
        let (bad, good) = ("unfavorable", "favorable");
        assert_eq!(meant, [bad, bad, "neutral", good, good]);
        assert!(of(&["negative", "neutral", "positive"]).labels.is_empty());
        let nli = of(&["contradiction", "neutral", "entailment"]);
        assert_eq!((nli.method, nli.labels.len()), (Method::Nli, 0));
    }
}
