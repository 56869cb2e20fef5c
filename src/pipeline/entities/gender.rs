//! The gender that the words around a person's name give away.

use crate::pipeline::text::{Span, Text};
use std::collections::HashMap;
use std::sync::LazyLock;

/// What is known of a person's gender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gender {
    /// A man.
    Masculine,
    /// A woman.
    Feminine,
}

/// Forms of address and feminine titles before a name, in lower case without a dot.
const MASCULINE_TITLES: &[&str] = &[
    "herr", "herrn", "mr", "sir", "lord", "monsieur", "m", "señor", "sr", "don", "signor", "sig",
    "pan", "pana", "panu", "panem", "meneer", "dhr", "senhor", "könig", "prinz", "king", "prince",
    "rey", "roi", "père",
];
const FEMININE_TITLES: &[&str] = &[
    "frau",
    "mrs",
    "ms",
    "miss",
    "lady",
    "madame",
    "mme",
    "mademoiselle",
    "mlle",
    "señora",
    "sra",
    "señorita",
    "doña",
    "signora",
    "pani",
    "panią",
    "mevrouw",
    "mevr",
    "mw",
    "senhora",
    "königin",
    "prinzessin",
    "queen",
    "princess",
    "reina",
    "reine",
    "dona",
];

/// Endings of German words for a woman's office.
const FEMININE_OFFICES: &[&str] = &[
    "erin", "istin", "ärin", "orin", "entin", "antin", "atin", "etin", "ogin", "chefin", "ältin",
    "ätin", "eurin", "önigin",
];

const MASCULINE_NAMES: &str = " aaron achim adam adrian alain albert aleksander alejandro alessandro \
    alexander alexandre alexis alfons alfred ali alois andré andreas andrew andrzej angelo anthony \
    antoine anton antonio antónio armin arno arthur artur axel bartosz bastian ben benjamin bernard \
    bernd bernhard bill björn bob boris bram bruno carl carlo carlos carsten charles christian christoph \
    christopher claude claudio claus clemens craig cristiano damian dan daniel daniele dariusz david \
    davide denis dennis detlef diego dieter dietmar dirk dominik donald edgar eduard eduardo elias elon \
    emil emilio emmanuel enrico enrique eric erich erik ernst étienne eugen fabian fabio federico felix \
    ferdinand fernando filip filippo florian francesco francisco franck françois frank franz fred \
    frédéric friedrich fritz gabriel geert geoffrey georg george gerald gerard gerd gerhard gert gilles \
    giorgio giovanni giuseppe gonçalo gordon gregor grzegorz guido guillaume gustav hannes hannu hans \
    harald harry hartmut heiko heiner heinrich heinz helge helmut hendrik henrik henri henry herbert \
    hermann holger horst hubert hubertus hugo hunter ignacio ivan jacek jack jacques jakob jakub james jan \
    jaap jarosław javier jean jeff jens jeroen jerzy jim joachim joão jochen joe joel johann johannes john \
    jonas jordan jörg jorge jos josé josef joseph józef juan jules julian julien julius jürgen justin kai \
    kamil karl karol karsten kees keir kenneth kevin klaus konrad konstantin krzysztof kurt lars laurent \
    lech leo leon leonard leszek lionel lorenz lorenzo louis luc luca lucas luciano luigi luís luis lukas \
    łukasz lutz maarten maciej magnus manfred manuel marc marcel marcello marcin marco marcos marek mario \
    marius mariusz mark markus martijn martin massimo mateusz matteo matthias matthew maurice mauro max \
    maximilian michael michał michel miguel mike mirosław mitch moritz nicolas niklas nils noah norbert \
    nuno olaf ole oliver olivier oscar oskar ottmar otto pablo paolo pascal patrick paul paulo paweł pedro \
    peer peter philip philipp philippe piero pierre pieter piotr rafael rafał rainer ralf ralph raphael raúl \
    reiner reinhard rené ricardo riccardo richard robert roberto rodrigo roger roland rolf roman ron ronald \
    rüdiger rudolf rui rupert ruben salvatore sam samuel sascha sebastian sergio siegfried sigmar simon \
    sławomir stefan stefano steffen stéphane stephan stephen steve steven sven tadeusz theo theodor thierry \
    thilo thomas thorsten tiago tilman tim tobias tom tomás tomasz torben torsten udo ulf uli ulrich uwe \
    valentin victor viktor vincent vincenzo vladimir volker walter warren werner wilhelm willem william \
    willy winfried wojciech wolf wolfgang wolfram xavier yannick yves zbigniew ";

const FEMININE_NAMES: &str = " adele agata agnes agnieszka aleksandra alena alessandra alexandra alice \
    alina aline amalia amanda amélie amy ana andrea anette angela angelika anita anja anke ann anna \
    annalena anne annegret anneliese annette antje antonia astrid barbara beata beate beatrice beatrix \
    béatrice bettina birgit birgitta brigitte camille carina carla carmen carola carolin caroline catarina \
    catherine cécile charlotte chiara christa christiane christine clara claudia colette constanze corinna \
    cornelia cristina dagmar daniela danuta delphine diana donna doris dorota dorothea edith elena eleonora \
    elisa elisabeth elise elizabeth elke ella ellen elly elżbieta emilia emily emma erika esther eva evelyn \
    ewa federica femke finja fiona francesca franziska frauke frieda gabriela gabriele gaby gerda gertrud \
    gesine gesa giorgia giulia grażyna greta gudrun halina hanna hannah hannelore heike heidi heidrun helen \
    helena helene helga henrike hilary hildegard hillary ilaria ilona ilse ina ines inés inge ingeborg ingrid \
    irena irene iris irmgard isabel isabella isabelle iwona jacqueline jana jane janine jasmin jeanne jennifer \
    jenny jill joanna johanna judith jule julia juliane julie jutta kamala karin karina karla karolina \
    katarina katarzyna katharina käthe kathrin katja katrin kerstin kirsten klara klaudia kristina larissa \
    laura lea lena leonie lieke lina linda lisa liz lotte louise lucia lucía lucie luisa lydia magdalena \
    maike maja malgorzata małgorzata manuela mara margaret margarete margit margot maria maría marie marine \
    marina marion marianne marita marlene marta martha martina mary mathilde mechthild meike melanie \
    melania mette mia michaela michèle michelle mirjam mona monica monika nadine nadja nancy natalia natalie \
    nathalie nele nicola nicole nina nora olga pascale patricia paula pauline petra pia rachel ramona rebecca \
    regina regine renata renate ricarda rita rosa rosemarie ruth sabine sabrina sandra sanna sara sarah sahra \
    saskia sibylle sigrid silke silvia simone sofia sofie solveig sonja sophia sophie stefanie stella \
    stephanie susan susana susanne svenja svetlana sylvia sylvie tamara tanja tatjana teresa theresa theresia \
    thea ulla ulrike ursula uta ute valentina valérie vanessa vera verena veronica veronika victoria viktoria \
    virginia viola wiebke yvonne zofia ";

static GIVEN_NAMES: LazyLock<HashMap<&str, Gender>> = LazyLock::new(|| {
    let masculine = MASCULINE_NAMES.split_whitespace();
    let feminine = FEMININE_NAMES.split_whitespace();
    masculine
        .map(|name| (name, Gender::Masculine))
        .chain(feminine.map(|name| (name, Gender::Feminine)))
        .collect()
});

/// The gender that a given name has nearly everywhere. The name is in lower case.
pub(super) fn of_given_name(name: &str) -> Option<Gender> {
    let first = name.split('-').next().unwrap_or(name);
    GIVEN_NAMES.get(first).copied()
}

/// The gender that the word before a mention tells: a form of address, or a German office in -in.
pub(super) fn of_title(text: &Text, mention: Span, german: bool) -> Option<Gender> {
    /// More bytes than any form of address has.
    const WINDOW: usize = 64;
    let window = text.span_around(mention.start().saturating_sub(WINDOW)..mention.start());
    let before = text.slice(window).trim_end();
    let word = before
        .rsplit(|c: char| !c.is_alphanumeric() && c != '.')
        .next()?;
    let lower = word.trim_end_matches('.').to_lowercase();
    if MASCULINE_TITLES.contains(&lower.as_str()) {
        return Some(Gender::Masculine);
    }
    let office = german
        && FEMININE_OFFICES.iter().any(|end| lower.ends_with(end))
        && word.chars().next().is_some_and(char::is_uppercase)
        && lower != "schwerin";
    (office || FEMININE_TITLES.contains(&lower.as_str())).then_some(Gender::Feminine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_of_address_tells_the_gender() {
        for (source, name, expected) in [
            ("Das sagte Frau Merlow.", "Merlow", Some(Gender::Feminine)),
            ("Das sagte Herr Merlow.", "Merlow", Some(Gender::Masculine)),
            ("Mrs. Merlow left.", "Merlow", Some(Gender::Feminine)),
            (
                "Die Ministerin Merlow kam.",
                "Merlow",
                Some(Gender::Feminine),
            ),
            ("Aus Berlin Merlow", "Merlow", None),
            ("Merlow", "Merlow", None),
        ] {
            let text = Text::new(source).unwrap();
            let at = source.find(name).unwrap();
            let span = text.span(at..at + name.len()).unwrap();
            assert_eq!(of_title(&text, span, true), expected, "{source}");
        }
    }

    #[test]
    fn no_given_name_is_of_both_genders() {
        for name in MASCULINE_NAMES.split_whitespace() {
            assert_eq!(of_given_name(name), Some(Gender::Masculine));
            assert!(!FEMININE_NAMES.contains(&format!(" {name} ")), "{name}");
        }
    }
}
