//! What inflection does to names, by language.

/// How a language inflects names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grammar {
    /// Genitive -s and -es; adjectives inside names decline.
    German,
    /// Genitive -s.
    Dutch,
    /// Seven cases, in every word of a name.
    Polish,
    /// Names do not change but for a clitic 's.
    Fixed,
}

impl Grammar {
    /// The grammar of a BCP 47 tag.
    pub(super) fn of(language: &str) -> Self {
        let primary = language.split(['-', '_']).next().unwrap_or("");
        match primary.to_ascii_lowercase().as_str() {
            "de" => Self::German,
            "nl" => Self::Dutch,
            "pl" => Self::Polish,
            _ => Self::Fixed,
        }
    }

    /// Whether the dots of ä, ö and ü tell two names apart; elsewhere they are dropped like other marks.
    pub(super) fn keeps_umlauts(self) -> bool {
        self == Self::German
    }

    /// Forms of which the folded word may be an inflection, the likeliest first. Whether it is one, only
    /// another mention can tell: "Malis" is the genitive of "Mali", "Paris" is no genitive.
    pub(super) fn bases(self, word: &str, adjectival: bool) -> Vec<&str> {
        let mut bases = vec![word.strip_suffix("'s")];
        if matches!(self, Self::German | Self::Dutch) {
            bases.push(word.strip_suffix('s'));
        }
        if self == Self::German {
            bases.push(word.strip_suffix("es"));
            if adjectival && word.ends_with("en") {
                bases.push(word.strip_suffix('n'));
            }
        }
        bases
            .into_iter()
            .flatten()
            .filter(|base| base.chars().nth(1).is_some())
            .collect()
    }
}

/// Endings of German adjectives, the longer first.
const ADJECTIVE_ENDINGS: &[&str] = &["en", "er", "es", "em", "e"];

/// The German word without the ending of an adjective.
pub(super) fn german_adjective_stem(word: &str) -> &str {
    strip_one(word, ADJECTIVE_ENDINGS, 3).unwrap_or(word)
}

/// The German word without the ending of a noun. `declined` says that an adjective stands before it, which is
/// when a dative plural can be told from a name in -n.
pub(super) fn german_noun_stem(word: &str, declined: bool) -> &str {
    let word = strip_one(word, &["s"], 3).unwrap_or(word);
    let endings: &[&str] = if declined {
        &["en", "e", "n"]
    } else {
        &["en", "e"]
    };
    strip_one(word, endings, 3).unwrap_or(word)
}

fn strip_one<'a>(word: &'a str, endings: &[&str], keep: usize) -> Option<&'a str> {
    endings.iter().find_map(|ending| {
        word.strip_suffix(ending)
            .filter(|stem| stem.chars().nth(keep - 1).is_some())
    })
}

/// Names of countries whose cases share no stem that a rule would find.
const POLISH_IRREGULAR: &[(&str, &str)] = &[
    ("niemcy", "niemcy"),
    ("niemiec", "niemcy"),
    ("niemczech", "niemcy"),
    ("niemcom", "niemcy"),
    ("niemcami", "niemcy"),
    ("wegry", "wegry"),
    ("wegier", "wegry"),
    ("wegrzech", "wegry"),
    ("wegrom", "wegry"),
    ("wlochy", "wlochy"),
    ("wloch", "wlochy"),
    ("wloszech", "wlochy"),
];

/// Polish case endings without diacritics, each with the letters that must remain; the longer first.
const POLISH_ENDINGS: &[(&str, usize)] = &[
    ("owie", 3),
    ("iego", 3),
    ("iemu", 3),
    ("owi", 3),
    ("ami", 3),
    ("ach", 3),
    ("ego", 3),
    ("emu", 3),
    ("iem", 3),
    ("imi", 3),
    ("ymi", 3),
    ("ych", 4),
    ("ich", 4),
    ("em", 3),
    ("om", 4),
    ("ow", 4),
    ("ym", 4),
    ("im", 4),
    ("ie", 2),
    ("ia", 2),
    ("iu", 2),
    ("io", 2),
    ("ii", 2),
    ("ja", 2),
    ("je", 2),
    ("ji", 2),
    ("ju", 2),
    ("a", 2),
    ("e", 2),
    ("i", 2),
    ("o", 3),
    ("u", 2),
    ("y", 2),
    ("j", 3),
];

/// A stem that the cases of a Polish word share. The word is folded: lower case without diacritics. For persons
/// the stem of an adjectival surname keeps its gender: Kowalska is not Kowalski.
pub(super) fn polish_stem(word: &str, person: bool) -> String {
    if word.contains('-') {
        let parts: Vec<String> = word.split('-').map(|w| polish_stem(w, person)).collect();
        return parts.join("-");
    }
    if let Some((_, stem)) = POLISH_IRREGULAR.iter().find(|(form, _)| *form == word) {
        return (*stem).to_owned();
    }
    if let Some(stem) = adjectival_surname(word).filter(|_| person) {
        return stem;
    }
    let feminine = ["iej", "ej"]
        .iter()
        .find(|ending| !person && word.ends_with(*ending))
        .map(|ending| (*ending, 4));
    let ending = feminine.or_else(|| {
        POLISH_ENDINGS
            .iter()
            .find(|(ending, keep)| {
                word.strip_suffix(ending)
                    .is_some_and(|stem| stem.chars().count() >= *keep)
            })
            .copied()
    });
    let stem = ending
        .and_then(|(ending, _)| word.strip_suffix(ending))
        .unwrap_or(word);
    let hardened = harden(stem, ending.map_or("", |(ending, _)| ending));
    without_fleeting_e(&without_soft_end(&hardened))
}

/// The stem of a surname in -ski or -cki with its gender.
fn adjectival_surname(word: &str) -> Option<String> {
    const MASCULINE: &[&str] = &["iego", "iemu", "im", "i"];
    const FEMININE: &[&str] = &["iej", "a"];
    let ends = |endings: &[&str]| {
        endings.iter().find_map(|ending| {
            word.strip_suffix(ending)
                .filter(|stem| (stem.ends_with("sk") || stem.ends_with("ck")) && stem.len() > 4)
                .map(str::to_owned)
        })
    };
    ends(MASCULINE)
        .map(|stem| stem + "+m")
        .or_else(|| ends(FEMININE).map(|stem| stem + "+f"))
}

/// Undoes the softening of the last consonant before -ie and -e: Dudzie, Polsce, Pradze, Budapeszcie.
fn harden(stem: &str, ending: &str) -> String {
    let changes: &[(&str, &str)] = match ending {
        "ie" => &[("dz", "d"), ("c", "t")],
        "e" => &[
            ("ic", "ic"),
            ("lc", "lc"),
            ("dz", "g"),
            ("rz", "r"),
            ("c", "k"),
        ],
        _ => &[],
    };
    changes
        .iter()
        .find_map(|(soft, hard)| stem.strip_suffix(soft).map(|rest| format!("{rest}{hard}")))
        .unwrap_or_else(|| stem.to_owned())
}

fn without_soft_end(stem: &str) -> String {
    let stem = stem.strip_suffix(['i', 'j']).unwrap_or(stem);
    match stem.strip_suffix("ow") {
        Some(rest) if rest.len() > 2 => rest.to_owned(),
        _ => stem.to_owned(),
    }
}

/// Drops the e of Marek and Paweł, which is gone in Marka and Pawła.
fn without_fleeting_e(stem: &str) -> String {
    let mut letters: Vec<char> = stem.chars().collect();
    if let [.., before, 'e', 'k' | 'l' | 'c' | 'n' | 'r'] = letters.as_slice()
        && !"aeiouy".contains(*before)
        && letters.len() > 3
    {
        letters.remove(letters.len() - 2);
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polish_cases_of_one_name_share_a_stem() {
        for forms in [
            "tusk tuska tuskowi tuskiem tusku",
            "kaczynski kaczynskiego kaczynskiemu kaczynskim",
            "kowalska kowalskiej",
            "nowak nowaka nowakowi nowakiem",
            "duda dudy dudzie dude",
            "pawel pawla pawlowi pawlem",
            "marek marka markowi markiem",
            "trump trumpa trumpowi trumpem",
            "biden bidena bidenem",
            "andrzej andrzeja andrzejowi",
            "kosiniak-kamysz kosiniaka-kamysza",
        ] {
            let stems: Vec<String> = forms.split(' ').map(|w| polish_stem(w, true)).collect();
            assert!(stems.iter().all(|s| *s == stems[0]), "{forms}: {stems:?}");
        }
    }

    #[test]
    fn polish_cases_of_one_place_share_a_stem() {
        for forms in [
            "warszawa warszawy warszawie warszawe",
            "polska polski polsce polske",
            "krakow krakowa krakowie krakowem",
            "gdansk gdanska gdansku gdanskiem",
            "poznan poznania poznaniu",
            "lodz lodzi",
            "rosja rosji rosje",
            "ukraina ukrainy ukrainie",
            "niemcy niemiec niemczech",
            "praga pragi pradze",
            "senat senatu senacie",
            "katowice katowicach",
            "europejska europejskiej",
        ] {
            let stems: Vec<String> = forms.split(' ').map(|w| polish_stem(w, false)).collect();
            assert!(stems.iter().all(|s| *s == stems[0]), "{forms}: {stems:?}");
        }
    }

    #[test]
    fn a_polish_couple_has_two_stems() {
        assert_ne!(polish_stem("kowalski", true), polish_stem("kowalska", true));
    }

    #[test]
    fn a_base_is_only_proposed_where_the_language_has_the_ending() {
        assert_eq!(Grammar::German.bases("malis", false), ["mali"]);
        assert_eq!(Grammar::Fixed.bases("carlos", false), [""; 0]);
        assert_eq!(Grammar::Fixed.bases("mali's", false), ["mali"]);
        assert_eq!(Grammar::German.bases("grünen", true), ["grüne"]);
        assert_eq!(Grammar::German.bases("bayern", true), [""; 0]);
    }
}
