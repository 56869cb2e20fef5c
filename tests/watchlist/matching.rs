//! Names in sentences of eight languages, on the tables beside this file.

use proptest::prelude::*;
use tagwerk::pipeline::{
    text::Text,
    watchlist::{Occurrence, Target, TargetType, Watchlist},
};

/// Sentences with the expected places in brackets.
const FOUND: &str = include_str!("found.tsv");

/// Sentences in which the target is not named.
const TRAPS: &str = include_str!("traps.tsv");

struct Case {
    language: &'static str,
    target: Target,
    sentence: String,
    expected: Vec<std::ops::Range<usize>>,
}

fn cases(table: &'static str) -> Vec<Case> {
    let lines = table.lines().filter(|line| !line.is_empty());
    lines.map(case).collect()
}

fn case(line: &'static str) -> Case {
    let columns: Vec<&str> = line.split('\t').collect();
    let [language, target_type, names, marked] = columns[..] else {
        panic!("four columns: {line}");
    };
    let target_type = match target_type {
        "p" => TargetType::Person,
        "o" => TargetType::Organization,
        "l" => TargetType::Location,
        "m" => TargetType::Miscellaneous,
        "t" => TargetType::Topic,
        "-" => TargetType::Any,
        _ => panic!("no type: {line}"),
    };
    let (mut sentence, mut expected, mut start) = (String::new(), Vec::new(), 0);
    for c in marked.chars() {
        match c {
            '[' => start = sentence.len(),
            ']' => expected.push(start..sentence.len()),
            _ => sentence.push(c),
        }
    }
    Case {
        language,
        target: target("t", names, target_type),
        sentence,
        expected,
    }
}

fn target(id: &str, names: &str, target_type: TargetType) -> Target {
    Target {
        id: id.into(),
        names: names.split('|').map(str::to_owned).collect(),
        target_type,
    }
}

fn find(targets: Vec<Target>, source: &str, language: &str) -> Vec<Occurrence> {
    let list = Watchlist::new(targets).unwrap();
    list.find(&Text::new(source).unwrap(), language)
}

/// The places as text, each with the number of its target.
fn found(targets: &[(&str, TargetType)], source: &str) -> Vec<(usize, String)> {
    let targets = targets.iter().enumerate();
    let targets = targets.map(|(i, (names, t))| target(&i.to_string(), names, *t));
    find(targets.collect(), source, "de")
        .into_iter()
        .map(|o| (o.target, source[o.span.range()].to_owned()))
        .collect()
}

#[test]
fn names_are_found_in_the_forms_of_eight_languages() {
    let cases = cases(FOUND);
    assert!(cases.len() >= 160, "{} cases", cases.len());
    let mut wrong = Vec::new();
    let (mut expected, mut hit) = (0, 0);
    for case in &cases {
        let places: Vec<_> = find(vec![case.target.clone()], &case.sentence, case.language)
            .into_iter()
            .map(|o| o.span.range())
            .collect();
        expected += case.expected.len();
        hit += case.expected.iter().filter(|e| places.contains(e)).count();
        if places != case.expected {
            let said: Vec<&str> = places.iter().map(|p| &case.sentence[p.clone()]).collect();
            wrong.push(format!("{}: {said:?}", case.sentence));
        }
    }
    eprintln!("{hit} of {expected} places in {} sentences", cases.len());
    assert!(
        hit as f64 >= 0.97 * expected as f64,
        "{hit} of {expected}:\n{}",
        wrong.join("\n")
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_are_not_found_in_other_words() {
    let cases = cases(TRAPS);
    assert!(cases.len() >= 150, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let places = find(vec![case.target.clone()], &case.sentence, case.language);
        // What a trap names beside the target is marked as everywhere.
        let ranges: Vec<_> = places.iter().map(|o| o.span.range()).collect();
        if ranges != case.expected {
            wrong.push(format!("{:?}: {}", case.target.names, case.sentence));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} false:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_longest_name_wins() {
    let places = found(
        &[
            ("Bank", TargetType::Any),
            ("Deutsche Bank", TargetType::Organization),
        ],
        "Die Deutsche Bank ist eine Bank.",
    );
    assert_eq!(places, [(1, "Deutsche Bank".into()), (0, "Bank".into())]);
}

#[test]
fn two_targets_can_have_one_place() {
    let places = found(
        &[("VW|Volkswagen", TargetType::Any), ("VW", TargetType::Any)],
        "Der VW-Chef.",
    );
    assert_eq!(places, [(0, "VW".into()), (1, "VW".into())]);
}

#[test]
fn a_surname_counts_only_where_the_full_name_stands() {
    let brandt = [("Nora Brandt", TargetType::Person)];
    assert_eq!(found(&brandt, "Brandt kam."), []);
    assert_eq!(found(&brandt, "Brandt kam. Nora Brandt ging.").len(), 2);
    let any = [("Nora Brandt", TargetType::Any)];
    assert_eq!(found(&any, "Brandt kam. Nora Brandt ging.").len(), 1);
}

#[test]
fn a_name_goes_over_no_line_break() {
    let bank = [("Deutsche Bank", TargetType::Organization)];
    assert_eq!(found(&bank, "Deutsche\nBank"), []);
}

proptest! {
    #[test]
    fn what_is_found_is_a_place_of_the_text_that_begins_like_the_name(
        source in "([A-Zäöüßé’ -]|Bank|Deutsche[nr]?|Über|U\u{308}ber|\u{ad}|\u{a0}|\n|s|VW){0,40}",
        language in prop::sample::select(vec!["de", "pl", "nl", "it", "und"]),
    ) {
        let names = ["Deutsche Bank", "Bank", "VW", "Über"];
        let targets = names.iter().enumerate().map(|(i, name)| target(&i.to_string(), name, TargetType::Organization));
        let mut end = [0; 4];
        for occurrence in find(targets.collect(), &source, language) {
            let slice = &source[occurrence.span.range()];
            let plain: String = slice.chars().filter(|c| *c != '\u{ad}').collect();
            let begins = plain.to_uppercase().replace("U\u{308}", "Ü");
            let name = names[occurrence.target].to_uppercase();
            // One or two letters in front are the same in every form.
            prop_assert!(begins.starts_with(&name.chars().take(2).collect::<String>()), "{slice:?}");
            prop_assert!(end[occurrence.target] <= occurrence.span.start());
            end[occurrence.target] = occurrence.span.end();
        }
    }

    #[test]
    fn no_text_and_no_name_makes_it_stumble(source in any::<String>(), name in any::<String>(), language in "de|en|fr|pl|nl|xx") {
        let text = Text::new(source.as_str()).unwrap();
        for target_type in [TargetType::Person, TargetType::Topic, TargetType::Any] {
            if let Ok(list) = Watchlist::new(vec![target("t", &name, target_type)]) {
                for occurrence in list.find(&text, &language) {
                    prop_assert!(!text.slice(occurrence.span).is_empty());
                }
            }
        }
    }
}
