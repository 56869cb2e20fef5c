//! The models beside the package: the sections `[models.NAME]` of the file.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::origin::{Origin, Problem};
use crate::model::hugging_face::{EntitySettings, Place, StanceSettings};

/// The word that stands for the package in place of a model of its own.
const PACKAGE: &str = "package";

/// The name of the sections.
pub(super) const SECTION: &str = "models";

/// Most worker threads of one model.
const MAX_WORKERS: usize = 1024;

/// What does a part of the work of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<T> {
    /// The package that the server runs.
    Package,
    /// A model from Hugging Face.
    Own(T),
}

/// A model that a request may name: what finds its entities, and what judges them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NamedModel {
    /// Languages as BCP 47 tags; those of the package where none are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// Worker threads for each of its models from Hugging Face.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub workers: usize,
    /// What finds the entities; the package where nothing is set.
    #[serde(default = "package", skip_serializing_if = "is_package")]
    pub entities: Part<EntitySettings>,
    /// What judges them; nothing where nothing is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stances: Option<Part<StanceSettings>>,
}

fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_one(workers: &usize) -> bool {
    *workers == 1
}

fn package() -> Part<EntitySettings> {
    Part::Package
}

fn is_package<T>(part: &Part<T>) -> bool {
    matches!(part, Part::Package)
}

/// All models of a file by their names.
pub type NamedModels = BTreeMap<String, NamedModel>;

/// The part of a file that this module reads.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    models: NamedModels,
}

/// Reads the sections of a file that is known to be TOML. `line_at` gives the line of a byte.
pub(super) fn parse(
    name: &str,
    text: &str,
    line_at: impl Fn(usize) -> usize,
) -> Result<NamedModels, Problem> {
    match toml::from_str::<File>(text) {
        Ok(file) => Ok(file.models),
        Err(error) => {
            let line = line_at(error.span().map_or(0, |span| span.start));
            let origin = Origin::file(name, line);
            let message = error.message().replace('\n', ", ");
            Err(Problem::new(
                &origin,
                format!("{origin}: {SECTION}: {message}"),
            ))
        }
    }
}

/// What is wrong with one model, whatever its files hold: the key below `[models.NAME]`, and why.
pub(super) fn problems(name: &str, model: &NamedModel) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let mut told = |key: &str, problem: &str| problems.push((key.to_owned(), problem.to_owned()));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        told("", "a name has 1 to 64 letters, digits, -, _ and .");
    }
    if !(1..=MAX_WORKERS).contains(&model.workers) {
        told("workers", "give 1 to 1024");
    }
    let tag = |tag: &String| !tag.is_empty() && tag.chars().all(|c| c.is_ascii_lowercase());
    if !model.languages.iter().all(tag) {
        told("languages", "give languages such as \"de\"");
    }
    match (&model.entities, &model.stances) {
        (Part::Package, None | Some(Part::Package)) => {
            told("", "names no model of its own: set entities or stances");
        }
        (entities, stances) => {
            if let Part::Own(own) = entities {
                place(&own.place(), "entities", &mut told);
            }
            if let Some(Part::Own(own)) = stances {
                place(&own.place(), "stances", &mut told);
            }
        }
    }
    problems
}

fn place(place: &Place, part: &str, told: &mut impl FnMut(&str, &str)) {
    match (&place.path, &place.hub) {
        (Some(_), Some(_)) => told(part, "path and hub are both set; leave out one"),
        (None, None) => told(part, "set path to a directory, or hub to a model's id"),
        (Some(_), None) if place.revision.is_some() => {
            told(part, "revision is for hub, and a path is set");
        }
        _ => {}
    }
    let hex = |hash: &String| hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit());
    if !place.sha256.iter().all(hex) {
        told(part, "sha256 is 64 hexadecimal digits");
    }
}

/// A model as the section of a file that describes it.
pub fn section(name: &str, model: &NamedModel) -> String {
    // A model holds nothing that TOML cannot write.
    let tables = toml::Table::try_from(model).unwrap_or_default();
    let model = toml::Table::from_iter([(name.to_owned(), tables.into())]);
    toml::Table::from_iter([(SECTION.to_owned(), model.into())]).to_string()
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = Part<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "\"{PACKAGE}\" or a table with path or hub")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Part<T>, E> {
                match word {
                    PACKAGE => Ok(Part::Package),
                    _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Part<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Part::Own)
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<T: Serialize> Serialize for Part<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Package => serializer.serialize_str(PACKAGE),
            Self::Own(own) => own.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(text: &str) -> Result<NamedModels, String> {
        let line = |byte| 1 + text[..byte].matches('\n').count();
        parse("t.toml", text, line).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_part_is_the_package_or_a_model_of_its_own() {
        let text = "[models.a]\nstances = 'package'\nentities = { path = '/m' }\n\
                    [models.b.stances]\nhub = 'o/n'\nmethod = 'nli'";
        let models = models(text).unwrap();
        assert_eq!(models["a"].stances, Some(Part::Package));
        assert_eq!(models["a"].workers, 1);
        assert_eq!(models["b"].entities, Part::Package);
        assert!(
            matches!(&models["b"].stances, Some(Part::Own(own)) if own.hub.as_deref() == Some("o/n"))
        );
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (text, told) in [
            (
                "[models.a]\nentitis = 'package'",
                "t.toml:2: models: unknown field `entitis`",
            ),
            (
                "[models.a]\nentities = 'base'",
                "t.toml:2: models: invalid value",
            ),
            (
                "[models.a.entities]\npath = 1",
                "t.toml:2: models: invalid type",
            ),
            (
                "[models.a.entities]\npfad = 'm'",
                "t.toml:2: models: unknown field `pfad`",
            ),
            (
                "[models.a.stances]\nmethod = 'x'",
                "t.toml:2: models: unknown variant `x`",
            ),
        ] {
            let problem = models(text).unwrap_err();
            assert!(problem.starts_with(told), "{problem}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_told_with_its_key() {
        for (name, text, key, part) in [
            ("a", "", "", "names no model"),
            ("a", "stances = 'package'", "", "names no model"),
            ("a b", "entities = { path = 'm' }", "", "a name has"),
            (
                "a",
                "workers = 0\nentities = { path = 'm' }",
                "workers",
                "1 to",
            ),
            (
                "a",
                "languages = ['DE']\nentities = { path = 'm' }",
                "languages",
                "\"de\"",
            ),
            ("a", "entities = {}", "entities", "set path"),
            (
                "a",
                "entities = { path = 'm', hub = 'o/n' }",
                "entities",
                "both",
            ),
            (
                "a",
                "stances = { path = 'm', revision = 'x' }",
                "stances",
                "revision",
            ),
            (
                "a",
                "stances = { path = 'm', sha256 = 'x' }",
                "stances",
                "sha256",
            ),
        ] {
            let model: NamedModel = toml::from_str(text).unwrap();
            let found = problems(name, &model);
            let is_told = found.iter().any(|(k, p)| k == key && p.contains(part));
            assert!(is_told, "{text}: {found:?}");
        }
    }
}
