//! How a word of a name looks in a sentence: case endings, plurals and compounds of eight languages.
//!
//! All words here are folded. A form that could as well be another word is not taken: a missed occurrence is
//! seen by an alias, a wrong one by nobody.

use super::TargetType;

/// Shortest name, in bytes, that may begin a closed compound.
const COMPOUNDED: usize = 5;

/// What a form of a word depends on.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The language of the document.
    pub language: &'a str,
    pub target_type: TargetType,
    /// Whether the word is the last of its name.
    pub last: bool,
}

/// How many bytes of the word of a text are the name's word: all of an inflected form, the first part of a compound;
/// `None` where it is another word.
pub fn matched(name: &str, text: &str, place: Place) -> Option<usize> {
    if name == text || inflected(name, text, place) {
        return Some(text.len());
    }
    (place.last && compound(name, text, place)).then_some(name.len())
}

/// The words that may stand for a leading article: the same article in other cases, or grown together with a
/// preposition.
pub fn articles(word: &str) -> Option<&'static [&'static str]> {
    const ARTICLES: [(&str, &[&str]); 14] = [
        ("der", &["der", "die", "das", "dem", "den", "des"]),
        ("die", &["der", "die", "das", "dem", "den", "des"]),
        ("das", &["der", "die", "das", "dem", "den", "des"]),
        ("the", &["the"]),
        ("le", &["le", "du", "au"]),
        ("la", &["la", "della", "alla", "dalla", "nella", "sulla"]),
        ("les", &["les", "des", "aux"]),
        ("il", &["il", "del", "al", "dal", "nel", "sul"]),
        ("el", &["el", "del", "al"]),
        ("los", &["los"]),
        ("o", &["o", "do", "ao", "no", "pelo"]),
        ("a", &["a", "da", "na", "pela"]),
        ("de", &["de"]),
        ("het", &["het"]),
    ];
    let known = ARTICLES.iter().find(|(article, _)| *article == word);
    known.map(|(_, forms)| *forms)
}

fn inflected(name: &str, text: &str, place: Place) -> bool {
    let person = place.target_type == TargetType::Person;
    let topic = place.target_type == TargetType::Topic;
    let ending = text.strip_prefix(name);
    let has = |endings: &[&str]| ending.is_some_and(|ending| endings.contains(&ending));
    match place.language {
        "de" => {
            has(&["s"])
                || (!person && name.len() >= 4 && has(&["es"]))
                || (person && place.last && has(&["ens"]) && name.ends_with(['s', 'x', 'z']))
                || (topic && has(&["e", "en", "er", "ern", "n", "nen"]))
                || (!person
                    && place.target_type != TargetType::Location
                    && name.ends_with('e')
                    && has(&["n"]))
                || (!person && !place.last && adjective(name, text))
        }
        "nl" => has(&["s"]) || (topic && (has(&["en", "n", "es"]) || doubled(ending, name, "en"))),
        "en" => topic && (has(&["s", "es"]) || swapped(name, text, "y", &["ies"])),
        "fr" => topic && has(&["s", "x", "e", "es"]),
        "es" => topic && (has(&["s", "es"]) || swapped(name, text, "z", &["ces"])),
        "pt" => {
            topic
                && (has(&["s", "es"])
                    || swapped(name, text, "ao", &["oes", "aes"])
                    || swapped(name, text, "m", &["ns"])
                    || swapped(name, text, "l", &["is"]))
        }
        "it" => {
            topic
                && (swapped(name, text, "a", &["e", "he"])
                    || swapped(name, text, "o", &["i", "hi"])
                    || swapped(name, text, "e", &["i"]))
        }
        "pl" => polish(name, text),
        _ => false,
    }
}

/// Whether an ending is the last letter of the name again and this: "wet", "wetten".
fn doubled(ending: Option<&str>, name: &str, behind: &str) -> bool {
    let last = name.chars().next_back();
    last.is_some_and(|last| ending.and_then(|e| e.strip_prefix(last)) == Some(behind))
}

/// Whether the end of a word is replaced by one of these.
fn swapped(name: &str, text: &str, end: &str, others: &[&str]) -> bool {
    let Some(stem) = name.strip_suffix(end) else {
        return false;
    };
    let rest = text.strip_prefix(stem);
    stem.len() >= 2 && rest.is_some_and(|rest| others.contains(&rest))
}

/// German adjectives in front of a noun: "Deutsche Bank", "der Deutschen Bank".
fn adjective(name: &str, text: &str) -> bool {
    const ENDINGS: [&str; 5] = ["e", "er", "es", "en", "em"];
    let mut stems = ENDINGS.iter().filter_map(|end| name.strip_suffix(end));
    stems.any(|stem| {
        let rest = text.strip_prefix(stem);
        stem.len() >= 3 && rest.is_some_and(|rest| ENDINGS.contains(&rest))
    })
}

/// Cases of Polish nouns, names and adjectives. Folding has made ó, ą, ę and ł into o, a, e and l already.
fn polish(name: &str, text: &str) -> bool {
    const AFTER_CONSONANT: &[&str] = &[
        "a", "u", "owi", "em", "iem", "ie", "y", "i", "ow", "om", "ami", "ach", "owie", "e", "ze",
        "zie", "ia", "iu", "iowi", "ego", "emu", "iami", "iach", "iom",
    ];
    const HARD: &[&str] = &["y", "e", "ie", "o", "om", "ami", "ach", "ej"];
    const VELAR: &[&str] = &["i", "e", "o", "om", "ami", "ach", "iej"];
    const SOFT: &[&str] = &["i", "e", "o", "om", "ami", "ach", "y"];
    if name.len() < 3 {
        return false;
    }
    let ends = |end: &str| name.ends_with(end);
    if ends("a") {
        let stem = &name[..name.len() - 1];
        return match stem.as_bytes().last() {
            Some(b'k') => swapped(name, text, "ka", &["ce"]) || swapped(name, text, "a", VELAR),
            Some(b'g') => swapped(name, text, "ga", &["dze"]) || swapped(name, text, "a", VELAR),
            Some(b't') => swapped(name, text, "ta", &["cie"]) || swapped(name, text, "a", HARD),
            Some(b'd') => swapped(name, text, "a", &["zie"]) || swapped(name, text, "a", HARD),
            Some(b'r') => swapped(name, text, "a", &["ze"]) || swapped(name, text, "a", HARD),
            Some(b'i' | b'j' | b'l' | b'c' | b'z') => swapped(name, text, "a", SOFT),
            _ => swapped(name, text, "a", HARD),
        };
    }
    if ends("o") {
        return swapped(
            name,
            text,
            "o",
            &[
                "a", "u", "em", "iem", "ie", "y", "ze", "om", "ach", "ami", "owi", "e",
            ],
        );
    }
    if ends("e") {
        return swapped(
            name,
            text,
            "e",
            &["", "ego", "emu", "em", "ym", "ach", "om", "ami"],
        );
    }
    if ends("y") {
        return swapped(
            name,
            text,
            "y",
            &[
                "ego", "emu", "ym", "ych", "ymi", "a", "ej", "e", "ow", "om", "ami", "ach", "",
            ],
        );
    }
    if ends("i") {
        return swapped(
            name,
            text,
            "i",
            &[
                "iego", "iemu", "im", "ich", "imi", "a", "iej", "ie", "ow", "om", "ami", "ach",
            ],
        );
    }
    let ending = text.strip_prefix(name);
    let fleeting = |end: &str, other: &str| {
        let stem = name.strip_suffix(end);
        let rest = stem.and_then(|stem| text.strip_prefix(stem)?.strip_prefix(other));
        rest.is_some_and(|rest| AFTER_CONSONANT.contains(&rest))
    };
    ending.is_some_and(|ending| AFTER_CONSONANT.contains(&ending))
        || swapped(name, text, "t", &["cie"])
        || fleeting("iek", "k")
        || fleeting("ek", "k")
        || fleeting("iec", "c")
        || fleeting("ec", "c")
        || fleeting("el", "l")
}

/// Whether a word is the name grown together with one of the second parts that news uses: "Volkswagenwerk",
/// "Unionsfraktion".
///
/// A person's name never is: "Bauernverband" is not about Mr Bauer.
fn compound(name: &str, text: &str, place: Place) -> bool {
    if place.target_type == TargetType::Person || name.len() < COMPOUNDED {
        return false;
    }
    let Some(rest) = text.strip_prefix(name) else {
        return false;
    };
    match place.language {
        "de" => {
            let linked = place.target_type != TargetType::Location;
            let behind = |link: &str| linked.then(|| rest.strip_prefix(link)).flatten();
            let n = if name.ends_with('e') {
                behind("n")
            } else {
                None
            };
            let parts = [Some(rest), behind("s"), behind("es"), n];
            parts.into_iter().flatten().any(|part| is_part(part, PARTS))
        }
        "nl" => {
            is_part(rest, DUTCH_PARTS)
                || rest
                    .strip_prefix('s')
                    .is_some_and(|r| is_part(r, DUTCH_PARTS))
        }
        _ => false,
    }
}

/// Whether a word is a common noun that is often put behind a name, or ends with one: "Politik", "Wirtschaftspolitik".
pub fn ends_as_noun(word: &str, language: &str) -> bool {
    const ENDINGS: [&str; 8] = [
        "ung", "heit", "keit", "schaft", "ismus", "tion", "tionen", "ungen",
    ];
    let parts = match language {
        "nl" => DUTCH_PARTS,
        _ => PARTS,
    };
    ENDINGS.iter().any(|end| word.ends_with(end))
        || (0..word.len()).any(|at| word.get(at..).is_some_and(|tail| is_part(tail, parts)))
}

/// Whether a word is one of these nouns, in any case or number.
fn is_part(word: &str, parts: &[&str]) -> bool {
    const ENDINGS: [&str; 9] = ["", "s", "es", "e", "n", "en", "in", "innen", "er"];
    ENDINGS.iter().any(|end| {
        let noun = word.strip_suffix(end);
        noun.is_some_and(|noun| parts.binary_search(&noun).is_ok())
    })
}

/// German nouns, folded and sorted.
const PARTS: &[&str] = &[
    "abgeordnete",
    "abkommen",
    "affaere",
    "aktie",
    "aktionaer",
    "aktivist",
    "anhaenger",
    "anleger",
    "anleihe",
    "anwalt",
    "arbeiter",
    "aufsichtsrat",
    "ausstieg",
    "austritt",
    "auto",
    "beamte",
    "befuerworter",
    "beitritt",
    "berater",
    "beschluss",
    "besitzer",
    "besuch",
    "betriebsrat",
    "boss",
    "chef",
    "deal",
    "debatte",
    "direktor",
    "eigner",
    "einstieg",
    "entscheidung",
    "entwurf",
    "experte",
    "fabrik",
    "fahrer",
    "fahrzeug",
    "fan",
    "fraktion",
    "fuehrung",
    "funktionaer",
    "gegner",
    "geschaeft",
    "gesetz",
    "gesetzentwurf",
    "gewinn",
    "gipfel",
    "gremium",
    "gruender",
    "gruppe",
    "haendler",
    "hauptversammlung",
    "haushalt",
    "interview",
    "kabinett",
    "kandidat",
    "kanzler",
    "klage",
    "koalition",
    "kollege",
    "kommission",
    "konflikt",
    "konzern",
    "krise",
    "kritik",
    "kritiker",
    "kunde",
    "kurs",
    "lager",
    "land",
    "leitung",
    "lobby",
    "manager",
    "mandat",
    "marke",
    "markt",
    "mehrheit",
    "minister",
    "mitarbeiter",
    "mitglied",
    "modell",
    "mutter",
    "nutzer",
    "papier",
    "parlament",
    "partei",
    "parteitag",
    "partner",
    "plaen",
    "plan",
    "plenum",
    "politik",
    "politiker",
    "praesident",
    "presse",
    "produktion",
    "programm",
    "prozess",
    "rede",
    "reform",
    "regel",
    "regierung",
    "regime",
    "reise",
    "richter",
    "richtlinie",
    "sanktion",
    "sitz",
    "sitzung",
    "skandal",
    "spieler",
    "spitze",
    "sprecher",
    "staat",
    "standort",
    "statut",
    "stiftung",
    "strategie",
    "streit",
    "team",
    "tochter",
    "trainer",
    "truppe",
    "uebernahme",
    "umfrage",
    "unterhaendler",
    "unternehmen",
    "urteil",
    "verband",
    "verbot",
    "verfahren",
    "vergleich",
    "verhandlung",
    "vertrag",
    "vertraute",
    "vertrauter",
    "verwaltung",
    "vize",
    "vorschlag",
    "vorsitz",
    "vorsitzende",
    "vorsitzender",
    "vorstand",
    "vorstoss",
    "waehler",
    "wagen",
    "wahl",
    "wahlkampf",
    "werk",
    "zahl",
    "zentrale",
    "ziel",
];

/// Dutch nouns, sorted.
const DUTCH_PARTS: &[&str] = &[
    "aandeel",
    "aandel",
    "akkoord",
    "auto",
    "baas",
    "bedrijf",
    "beleid",
    "bestuur",
    "bestuurder",
    "chef",
    "debat",
    "directeur",
    "fabriek",
    "fractie",
    "fractieleider",
    "gebied",
    "kabinet",
    "kiezer",
    "leider",
    "lid",
    "medewerker",
    "minister",
    "personeel",
    "plan",
    "plannen",
    "top",
    "topman",
    "topvrouw",
    "verkiezing",
    "voorstel",
    "wet",
    "woordvoerder",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_parts_are_sorted_and_folded() {
        for parts in [PARTS, DUTCH_PARTS] {
            assert!(
                parts
                    .iter()
                    .all(|part| part.bytes().all(|b| b.is_ascii_lowercase()))
            );
            let mut sorted = parts.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(parts, sorted);
        }
    }
}
