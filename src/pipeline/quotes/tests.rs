//! What is a quotation and who speaks, language by language.
//!
//! The cases are marked up: `[P:Ada Berg]` is a mention (P person, O organisation, L place, M
//! other), and `{1:„…“}` a quotation of the first mention, `{U:„…“}` one of somebody who is only
//! described.

use super::quotes;
use crate::pipeline::document::{EntityType, Holder, Mention};
use crate::pipeline::text::{Span, Text};
use proptest::prelude::*;
use proptest::sample::Index;

/// A marked-up case, taken apart.
struct Case {
    text: Text,
    mentions: Vec<Mention>,
    expected: Vec<(String, Holder)>,
}

fn mention(span: Span, entity_type: EntityType) -> Mention {
    Mention {
        span,
        entity_type,
        probability: 1.0,
        entity: None,
        stance: None,
    }
}

fn parse(marked: &str) -> Case {
    let mut source = String::new();
    let mut names = Vec::new();
    let mut expected = Vec::new();
    let mut opened = Vec::new();
    let mut rest = marked;
    while let Some(c) = rest.chars().next() {
        let entity_type = match rest.get(..3) {
            Some("[P:") => Some(EntityType::Person),
            Some("[O:") => Some(EntityType::Organization),
            Some("[L:") => Some(EntityType::Location),
            Some("[M:") => Some(EntityType::Miscellaneous),
            _ => None,
        };
        if let Some(entity_type) = entity_type {
            let (name, behind) = rest[3..].split_once(']').unwrap();
            names.push((source.len()..source.len() + name.len(), entity_type));
            source.push_str(name);
            rest = behind;
        } else if c == '{' {
            let (speaker, behind) = rest[1..].split_once(':').unwrap();
            let speaker = speaker
                .parse()
                .map_or(Holder::Unnamed, |n: usize| Holder::Mention(n - 1));
            opened.push((source.len(), speaker));
            rest = behind;
        } else if c == '}' {
            let (start, speaker) = opened.pop().unwrap();
            expected.push((source[start..].to_owned(), speaker));
            rest = &rest[1..];
        } else {
            source.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    let text = Text::new(source).unwrap();
    let mentions = names
        .into_iter()
        .map(|(range, entity_type)| mention(text.span(range).unwrap(), entity_type))
        .collect();
    Case {
        text,
        mentions,
        expected,
    }
}

/// Sentences that end in a stop before a blank and a capital or an opening mark.
fn sentences(text: &Text) -> Vec<Span> {
    let source = text.as_str();
    let mut starts = vec![0];
    for (at, c) in source.char_indices() {
        let before = source[..at].trim_end_matches(['“', '”', '"', '«', '»', '’', '\u{a0}']);
        let next = source[at + c.len_utf8()..].chars().next();
        let opens = next.is_some_and(|c| c.is_uppercase() || "„“«»\"‘".contains(c));
        if c == '\n' || (c == ' ' && before.ends_with(['.', '!', '?']) && opens) {
            starts.push(at + 1);
        }
    }
    starts.push(source.len());
    let spans = starts
        .windows(2)
        .map(|w| text.trim(text.span(w[0]..w[1]).unwrap()));
    spans.filter(|s| !s.is_empty()).collect()
}

fn found(language: &str, case: &Case) -> Vec<(String, Holder)> {
    let quotes = quotes(&case.text, &sentences(&case.text), &case.mentions, language);
    quotes
        .into_iter()
        .map(|q| (case.text.slice(q.span).to_owned(), q.speaker))
        .collect()
}

fn check(cases: &[(&str, &str)]) {
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|(language, marked)| {
            let case = parse(marked);
            let found = found(language, &case);
            (found != case.expected).then(|| {
                format!(
                    "{marked}\n  expected {:?}\n  found {found:?}",
                    case.expected
                )
            })
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_pair_of_marks_holds_a_quotation() {
    check(&[
        ("de", "{1:„Das war knapp“}, sagte [P:Ada Berg]."),
        ("de", "{1:„Das war knapp”}, sagte [P:Ada Berg]."),
        ("de", "{1:„Das war knapp\"}, sagte [P:Ada Berg]."),
        ("de", "{1:»Das war knapp«}, sagte [P:Ada Berg]."),
        ("de", "{1:«Das war knapp»}, sagte [P:Ada Berg]."),
        ("de", "{1:‚Das war knapp‘}, sagte [P:Ada Berg]."),
        ("de", "{1:›Das war knapp‹}, sagte [P:Ada Berg]."),
        ("de", "{1:‹Das war knapp›}, sagte [P:Ada Berg]."),
        ("de", "{1:\"Das war knapp\"}, sagte [P:Ada Berg]."),
        ("en", "{1:“That was close,”} said [P:Ada Berg]."),
        ("en", "{1:‘That was close,’} said [P:Ada Berg]."),
        ("en", "{1:'That was close,'} said [P:Ada Berg]."),
        ("en", "{1:\"That was close,\"} said [P:Ada Berg]."),
        ("fr", "{1:« C’était juste »}, a dit [P:Ada Berg]."),
        ("fr", "{1:«\u{a0}C’était juste\u{a0}»}, a dit [P:Ada Berg]."),
        ("nl", "{1:’Dat was krap’}, zei [P:Ada Berg]."),
        ("pl", "{1:„To było blisko”} – powiedziała [P:Ada Berg]."),
    ]);
}

#[test]
fn an_apostrophe_is_no_mark() {
    check(&[
        (
            "en",
            "The growers’ union doesn't trust [P:Berg]’s rivals’ numbers.",
        ),
        (
            "en",
            "{1:‘The growers’ union doesn’t count,’} said [P:Ada Berg].",
        ),
        ("fr", "L’avocat d’[P:Ada Berg] n’a pas répondu aujourd’hui."),
        (
            "nl",
            "’s Avonds speelt [P:Berg] piano in zijn auto’s en foto’s.",
        ),
        ("nl", "'t Is stil op 's lands wegen."),
        ("it", "L'azienda dell'ex ministro non c'entra."),
        ("de", "Ku’damm und Hans’ Hütte bleiben, wie's war."),
        ("en", "Rock ’n’ roll from the ’80s fills the hall."),
    ]);
}

#[test]
fn of_nested_marks_the_outermost_count() {
    check(&[
        ("de", "{1:„Er rief ‚Feuer‘ und lief“}, sagte [P:Ada Berg]."),
        (
            "de",
            "{1:„Er nannte es „Feuer“ und lief“}, sagte [P:Ada Berg].",
        ),
        ("en", "{1:“He shouted ‘fire’ and ran,”} said [P:Ada Berg]."),
        ("fr", "{1:« Il a crié “au feu” »}, a dit [P:Ada Berg]."),
        (
            "de",
            "{1:»Sie sagte: ›Komm!‹ und ging«}, berichtete [P:Ada Berg].",
        ),
    ]);
}

#[test]
fn a_title_is_no_quotation() {
    check(&[
        ("de", "[P:Ada Berg] schreibt für die „[O:Neue Abendpost]“."),
        ("de", "Der Film „[M:Am Ende Regen]“ läuft in [L:Emden]."),
        ("de", "Der Roman „Am Ende Regen“ erscheint im Mai."),
        ("de", "Die Zeitung »Abendpost« meldete Verluste."),
        ("de", "Die sogenannte „Bremse“ gilt weiter."),
        ("de", "Der „[O:Abendpost]“-Redakteur fehlte."),
        ("de", "Sie stufte die Aktie von „Halten“ auf „Kaufen“ hoch."),
        ("en", "The film “Late Rain” opens on Friday."),
        ("en", "[P:Ada Berg] directed “[M:Late Rain]” in [L:Leeds]."),
        ("fr", "Le film « Pluie tardive » sort vendredi."),
        ("es", "La película «Lluvia tardía» se estrena el viernes."),
        ("it", "Il romanzo «Pioggia tarda» esce a maggio."),
        ("nl", "De film ‘Late regen’ draait vanaf vrijdag."),
        ("pl", "Film „Późny deszcz” wchodzi do kin."),
        ("pt", "O filme “Chuva tardia” estreia na sexta."),
    ]);
}

#[test]
fn the_speaker_stands_behind_the_quotation() {
    check(&[
        (
            "de",
            "{1:„Wir bauen weiter“}, erklärte Ministerin [P:Ada Berg] am Montag in [L:Emden].",
        ),
        ("de", "{1:„Wir bauen weiter“}, so [P:Ada Berg]."),
        (
            "de",
            "{1:„Wir bauen weiter“}, betonte [P:Ada Berg] von der [O:Werftunion].",
        ),
        (
            "de",
            "{2:„[L:Emden] baut weiter“}, kritisierte [P:Ada Berg].",
        ),
        ("de", "{2:„[L:Emden] baut weiter“}, brummelte [P:Ada Berg]."),
        (
            "de",
            "{1:„Wir bauen weiter“}, teilte die [O:Werftunion] mit.",
        ),
        (
            "en",
            "{1:“We will build,”} said [P:Ada Berg], a minister from [L:Leeds].",
        ),
        ("en", "{1:“We will build,”} [P:Ada Berg] told reporters."),
        (
            "fr",
            "{1:« Nous construirons »}, a déclaré [P:Ada Berg] lundi.",
        ),
        (
            "fr",
            "{1:« Nous construirons »}, affirme la ministre [P:Ada Berg].",
        ),
        ("es", "{1:«Vamos a construir»}, dijo [P:Ada Berg] el lunes."),
        (
            "es",
            "{1:“Vamos a construir”}, afirmó la ministra [P:Ada Berg].",
        ),
        ("it", "{1:«Costruiremo ancora»}, ha detto [P:Ada Berg]."),
        (
            "it",
            "{1:«Costruiremo ancora»}, spiega la ministra [P:Ada Berg].",
        ),
        ("nl", "{1:‘Wij bouwen door’}, zei [P:Ada Berg] maandag."),
        ("nl", "{1:‘Wij bouwen door’}, aldus minister [P:Ada Berg]."),
        ("pl", "{1:„Budujemy dalej”} – powiedziała [P:Ada Berg]."),
        (
            "pl",
            "{1:„Budujemy dalej”} – stwierdziła minister [P:Ada Berg].",
        ),
        (
            "pt",
            "{1:“Vamos construir”}, disse [P:Ada Berg] na segunda.",
        ),
        (
            "pt",
            "{1:«Vamos construir»}, afirmou a ministra [P:Ada Berg].",
        ),
    ]);
}

#[test]
fn the_speaker_stands_before_the_quotation() {
    check(&[
        ("de", "[P:Ada Berg] sagte: {1:„Wir bauen weiter.“}"),
        ("de", "[P:Ada Berg] sprach von einem {1:„schwarzen Tag“}."),
        ("de", "[P:Ada Berg] nannte das Angebot {1:„eine Zumutung“}."),
        (
            "de",
            "Ministerin [P:Ada Berg] bezeichnete die [O:Werftunion] als {1:„unbelehrbar“}.",
        ),
        (
            "de",
            "Die [O:Werftunion] warf [P:Ada Berg] {1:„Wortbruch“} vor.",
        ),
        ("de", "[P:Ada Berg]: {1:„Wir bauen weiter“}"),
        ("en", "[P:Ada Berg] said: {1:“We will build.”}"),
        ("en", "[P:Ada Berg] called the offer {1:“an insult”}."),
        (
            "en",
            "Minister [P:Ada Berg] described the [O:Dock Union] as {1:“stubborn”}.",
        ),
        ("fr", "[P:Ada Berg] a dénoncé {1:« une insulte »}."),
        ("fr", "[P:Ada Berg] a déclaré : {1:« Nous construirons. »}"),
        ("es", "[P:Ada Berg] calificó la oferta de {1:«insulto»}."),
        ("it", "[P:Ada Berg] ha definito l'offerta {1:«un insulto»}."),
        ("nl", "[P:Ada Berg] noemde het bod {1:‘een belediging’}."),
        ("pl", "[P:Ada Berg] nazwała ofertę {1:„obelgą”}."),
        ("pt", "[P:Ada Berg] chamou a oferta de {1:“insulto”}."),
    ]);
}

#[test]
fn a_source_is_named_without_a_verb() {
    check(&[
        ("de", "Laut [P:Ada Berg] ist der Plan {1:„am Ende“}."),
        (
            "de",
            "Nach Angaben von [P:Ada Berg] ist der Plan {1:„am Ende“}.",
        ),
        ("en", "The plan is {1:“dead”}, according to [P:Ada Berg]."),
        ("fr", "Selon [P:Ada Berg], le plan est {1:« mort »}."),
        ("es", "Según [P:Ada Berg], el plan está {1:«muerto»}."),
        ("it", "Secondo [P:Ada Berg] il piano è {1:«morto»}."),
        ("nl", "Volgens [P:Ada Berg] is het plan {1:‘dood’}."),
        ("pl", "Według [P:Ady Berg] plan jest {1:„martwy”}."),
        ("pt", "Segundo [P:Ada Berg], o plano está {1:“morto”}."),
    ]);
}

#[test]
fn a_broken_quotation_is_two() {
    check(&[
        (
            "de",
            "{1:„Wir bauen“}, sagte [P:Ada Berg], {1:„und zwar weiter.“}",
        ),
        (
            "de",
            "{1:„Wir bauen“}, sagte [P:Ada Berg]. {1:„Und zwar weiter.“}",
        ),
        ("en", "{1:“We build,”} said [P:Ada Berg], {1:“and go on.”}"),
        (
            "en",
            "{1:“We build,”} said [P:Ada Berg]. {1:“And we go on.”}",
        ),
        (
            "fr",
            "{1:« Nous construisons »}, a dit [P:Ada Berg], {1:« et vite »}.",
        ),
        (
            "es",
            "{1:«Construimos»}, dijo [P:Ada Berg], {1:«y rápido»}.",
        ),
    ]);
}

#[test]
fn a_quotation_that_stands_alone_goes_on_with_the_speaker() {
    check(&[
        (
            "de",
            "{1:„Wir bauen“}, sagt [P:Ada Berg], Analystin bei [O:Werft]. {1:„Und weiter.“}",
        ),
        (
            "de",
            "{1:„Wir bauen“}, sagte [P:Ada Berg].\n{1:„Und zwar weiter.“}",
        ),
        (
            "de",
            "{1:„Wir bauen“}, sagte [P:Ada Berg]. {1:„Und zwar weiter“}, fügte sie hinzu.",
        ),
        (
            "en",
            "{1:“We build,”} said [P:Ada Berg]. {1:“And we go on,”} she added.",
        ),
    ]);
}

#[test]
fn a_pronoun_stands_for_the_person_of_the_sentence_before() {
    check(&[
        (
            "de",
            "[P:Ada Berg] verteidigte den Plan. {1:„Wir bauen weiter“}, sagte sie.",
        ),
        (
            "en",
            "[P:Ada Berg] defended the plan. {1:“We will build,”} she said.",
        ),
        (
            "fr",
            "[P:Ada Berg] a défendu le plan. {1:« Nous construirons »}, a-t-elle dit.",
        ),
        (
            "nl",
            "[P:Ada Berg] verdedigde het plan. {1:‘Wij bouwen door’}, zei ze.",
        ),
    ]);
}

#[test]
fn who_is_only_described_has_no_name() {
    check(&[
        (
            "de",
            "{U:„Wir bauen weiter“}, sagte ein Sprecher des [O:Werftministeriums].",
        ),
        ("de", "{U:„Es war laut“}, sagte ein Anwohner."),
        (
            "de",
            "{U:„Es war laut“}, sagte ein ehemaliger [L:US]-Beamter der [O:Abendpost].",
        ),
        (
            "de",
            "Ein ehemaliger [L:US]-Beamter sagte der [O:Abendpost]: {U:„Es war laut.“}",
        ),
        ("de", "Kritiker sprachen von {U:„Wortbruch“}."),
        ("de", "Eine Sprecherin nannte die Werft {U:„hellwach“}."),
        ("en", "{U:“It was loud,”} a neighbour said."),
        (
            "en",
            "{U:“It was loud,”} said a spokesman for the [O:Dock Union].",
        ),
        ("fr", "{U:« C’était bruyant »}, raconte un riverain."),
        ("es", "{U:«Fue ruidoso»}, dijo un vecino."),
        ("it", "{U:«Era rumoroso»}, racconta un residente."),
        ("nl", "{U:‘Het was luid’}, zei een buurtbewoner."),
        ("pl", "{U:„Było głośno”} – mówi jeden z mieszkańców."),
        ("pt", "{U:“Foi barulhento”}, disse um morador."),
    ]);
}

#[test]
fn a_person_is_preferred_to_the_organisation_beside_it() {
    check(&[
        (
            "de",
            "{2:„Wir bauen“}, sagte [O:Werftunion]-Chefin [P:Ada Berg].",
        ),
        (
            "de",
            "{2:„Wir bauen“}, sagte die Chefin der [O:Werftunion], [P:Ada Berg].",
        ),
        (
            "en",
            "{2:“We build,”} said [O:Dock Union] president [P:Ada Berg].",
        ),
        (
            "es",
            "{1:«Construimos»}, dijo [P:Ada Berg], presidenta de [O:Astilleros Sur].",
        ),
    ]);
}

#[test]
fn dialogue_is_introduced_by_dashes() {
    check(&[
        ("es", "{1:—¿Vas a venir?} —dijo [P:Ada]."),
        ("fr", "{1:— Tu viens ?} — demanda [P:Ada]."),
        ("pl", "{1:– Budujemy dalej} – powiedziała [P:Ada Berg]."),
        ("pt", "{1:— Vamos construir} — disse [P:Ada]."),
        ("pl", "– Budujemy dalej – tak brzmi plan."),
        ("de", "— Wir bauen weiter — sagte [P:Ada]."),
    ]);
}

#[test]
fn an_unclosed_mark_does_not_swallow_the_text() {
    check(&[
        ("de", "„Wir bauen weiter, sagte [P:Ada Berg]."),
        (
            "de",
            "Ein „Fehler im Satz.\n\n\n\n\n\n{1:„Wir bauen“}, sagte [P:Ada Berg].",
        ),
        ("en", "A stray “ mark. [P:Ada Berg] went home."),
        ("de", "Der Bildschirm misst 27\" und kostet wenig."),
        ("fr", "Un guillemet » perdu et un autre « perdu"),
    ]);
}

#[test]
fn a_quotation_may_span_sentences_and_lines() {
    check(&[
        (
            "de",
            "[P:Ada Berg] sagte: {1:„Wir bauen. Wir hören nicht auf.\nNiemals.“}",
        ),
        ("en", "[P:Ada Berg] said: {1:“We build.\n“And we go on.”}"),
    ]);
}

#[test]
fn decomposed_letters_and_line_ends_of_windows_do_no_harm() {
    check(&[
        (
            "de",
            "{1:„Scho\u{308}n war es“}, sagte [P:Jo\u{308}rg Berg].\r\n{1:„Sehr scho\u{308}n.“}",
        ),
        ("en", "{1:“A family 👩‍👩‍👧 of three,”} said [P:Ada Berg]."),
    ]);
}

#[test]
fn an_unknown_language_has_the_words_of_all() {
    check(&[
        ("und", "{1:„Wir bauen“}, sagte [P:Ada Berg]."),
        ("", "{1:“We build,”} said [P:Ada Berg]."),
        ("de-CH", "{1:«Wir bauen»}, sagte [P:Ada Berg]."),
    ]);
}

#[test]
fn a_text_of_a_megabyte_of_marks_is_read() {
    for part in [
        "„",
        "“",
        "\"",
        "'",
        "«»",
        "„ab“ ",
        "— a —",
        "x",
        "‘a ",
        "„a\n",
        "\"a\" sagte ",
    ] {
        let text = Text::new(part.repeat(1_000_000 / part.len())).unwrap();
        let whole = [text.whole()];
        for language in ["de", "es"] {
            quotes(&text, &whole, &[], language);
        }
    }
}

/// Pieces that marks, speech and odd characters are made of.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "„", "“", "”", "\"", "«", "»", "‚", "‘", "’", "'", "‹", "›", " ", "\n", "— ", " —dijo ",
    "sagte ", "Ada ", "er ", ", ", ": ", ". ", "a\u{308}", "\0", "\r\n", "👩‍👩‍👧", "\u{202e}", "film ",
];

const LANGUAGES: &[&str] = &["de", "en", "fr", "es", "it", "nl", "pl", "pt", "und", "x"];

fn odd_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES).prop_map(str::to_owned);
    prop::collection::vec(prop_oneof![any::<String>(), piece], 0..60).prop_map(|p| p.concat())
}

/// Mentions anywhere in a text, in order.
fn names(text: &Text, places: &[(Index, Index, usize)]) -> Vec<Mention> {
    let source = text.as_str();
    let bounds: Vec<usize> = source
        .char_indices()
        .map(|(i, _)| i)
        .chain([source.len()])
        .collect();
    let types = [
        EntityType::Person,
        EntityType::Organization,
        EntityType::Location,
        EntityType::Miscellaneous,
    ];
    let mut mentions: Vec<Mention> = places
        .iter()
        .map(|(a, b, kind)| {
            let (a, b) = (bounds[a.index(bounds.len())], bounds[b.index(bounds.len())]);
            mention(text.span(a.min(b)..a.max(b)).unwrap(), types[*kind])
        })
        .collect();
    mentions.sort_by_key(|m| m.span);
    mentions
}

proptest! {
    #[test]
    fn quotes_are_ordered_disjoint_and_within_the_text(
        source in odd_text(),
        language in prop::sample::select(LANGUAGES),
        places in prop::collection::vec((any::<Index>(), any::<Index>(), 0..4usize), 0..12),
    ) {
        let text = Text::new(source).unwrap();
        let mentions = names(&text, &places);
        let mut end = 0;
        for quote in quotes(&text, &sentences(&text), &mentions, language) {
            prop_assert!(quote.span.start() >= end);
            prop_assert!(!quote.span.is_empty());
            end = quote.span.end();
            prop_assert!(text.span(quote.span.range()).is_some());
            if let Holder::Mention(index) = quote.speaker {
                prop_assert!(index < mentions.len());
            }
        }
    }
}
