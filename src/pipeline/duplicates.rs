//! The near-duplicate key of a text, by which callers fold copies of an agency's report.
//!
//! A simhash (Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002): each run of
//! [`SHINGLE`] words votes on 64 bits, so texts that share most of their runs differ in few bits. The way from a text
//! to its key never changes: keys are stored by callers and compared years later.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};
use unicode_normalization::UnicodeNormalization as _;

/// Words that are hashed together. Single words would make texts of one subject alike.
const SHINGLE: usize = 2;

/// The key of a text: equal for texts that differ in case, punctuation, blanks and Unicode form alone, and a few bits
/// apart for texts of which little differs. 0 for a text without words.
pub fn near_duplicate_key(text: &str) -> u64 {
    let folded = text.nfkc().flat_map(char::to_lowercase).nfkc();
    let folded: String = folded.collect();
    let words: Vec<&str> = folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let runs = words.windows(SHINGLE.min(words.len()).max(1));
    let distinct: HashSet<u64> = runs.map(hash).collect();
    let mut votes = [0_i32; 64];
    for hash in distinct {
        for (bit, vote) in votes.iter_mut().enumerate() {
            *vote += if hash >> bit & 1 == 1 { 1 } else { -1 };
        }
    }
    let set = |key, (bit, &vote): (usize, &i32)| key | u64::from(vote > 0) << bit;
    votes.iter().enumerate().fold(0, set)
}

fn hash(words: &[&str]) -> u64 {
    let mut hasher = Sha256::new();
    for word in words {
        hasher.update(word.as_bytes());
        hasher.update(b" ");
    }
    let digest = hasher.finalize();
    digest
        .iter()
        .take(8)
        .fold(0, |hash, &byte| hash << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REPORT: &str = "HOLMFELD (dpa) - Die Stadtwerke Holmfeld erhöhen zum Jahreswechsel die Preise für Fernwärme. \
        Vorstandschefin Anna Berger begründete den Schritt mit gestiegenen Netzkosten. Der Mieterverein kritisierte \
        die Ankündigung scharf: Viele Haushalte wüssten schon jetzt nicht, wie sie ihre Rechnungen bezahlen sollten. \
        Oberbürgermeister Karl Weber (SPD) kündigte an, mit dem Versorger über einen Härtefonds zu sprechen. Im \
        vergangenen Jahr hatte das Unternehmen einen Gewinn von zwölf Millionen Euro ausgewiesen.";

    fn distance(left: &str, right: &str) -> u32 {
        (near_duplicate_key(left) ^ near_duplicate_key(right)).count_ones()
    }

    #[test]
    fn what_is_typography_alone_does_not_change_the_key() {
        for (left, right) in [
            ("Der Kanzler lobt „Ärzte“.", "DER KANZLER\n\nlobt \"Ärzte\""),
            (
                "Größe zählt, sagt sie",
                "Gro\u{308}ße za\u{308}hlt – sagt sie",
            ),
            ("ﬁnden wir gut", "finden wir gut"),
        ] {
            assert_eq!(distance(left, right), 0, "{left} / {right}");
        }
    }

    #[test]
    fn a_lightly_edited_copy_is_a_few_bits_away_and_another_report_many() {
        let edited = REPORT
            .replace("HOLMFELD (dpa) - ", "")
            .replace("kritisierte die Ankündigung scharf", "kritisierte dies");
        assert!(distance(REPORT, &edited) <= 10);
        let other = "Der FC Brandau hat am Samstag sein Heimspiel gegen Kirchau gewonnen. Vor 8.000 Zuschauern traf \
            Mittelstürmer Jonas Lind in der Nachspielzeit. Trainerin Eva Sommer sprach von einem verdienten Sieg.";
        assert!(distance(REPORT, other) >= 20);
    }

    #[test]
    fn the_key_of_a_text_stays_what_it_is() {
        for (text, key) in [
            ("", 0),
            (" … – !", 0),
            ("Ja", 0x95ca99dbf98b4737),
            (
                "Die Stadtwerke Holmfeld erhöhen die Preise.",
                0x35235f64b160e36f,
            ),
        ] {
            assert_eq!(near_duplicate_key(text), key, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_key_and_always_the_same(text in any::<String>()) {
            prop_assert_eq!(near_duplicate_key(&text), near_duplicate_key(&text));
        }
    }
}
