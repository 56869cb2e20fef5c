use super::*;
use crate::pipeline::document::EntityType::{Location, Miscellaneous, Organization, Person};
use proptest::prelude::*;

/// Reads "[PER Ada Merlow] lachte." into the plain text and its mentions.
fn marked(source: &str) -> (Text, Vec<Mention>) {
    let mut plain = String::new();
    let mut spans = Vec::new();
    for (i, part) in source.split('[').enumerate() {
        let Some((mention, rest)) = part.split_once(']').filter(|_| i > 0) else {
            plain.push_str(part);
            continue;
        };
        let (entity_type, surface) = mention.split_once(' ').unwrap();
        let entity_type = match entity_type {
            "PER" => Person,
            "ORG" => Organization,
            "LOC" => Location,
            "MISC" => Miscellaneous,
            other => panic!("{other}"),
        };
        let start = plain.len();
        plain.push_str(surface);
        spans.push((start..plain.len(), entity_type));
        plain.push_str(rest);
    }
    let text = Text::new(plain).unwrap();
    let mentions = spans
        .into_iter()
        .map(|(range, entity_type)| mention(text.span(range).unwrap(), entity_type))
        .collect();
    (text, mentions)
}

fn mention(span: crate::pipeline::text::Span, entity_type: EntityType) -> Mention {
    Mention {
        span,
        entity_type,
        probability: 0.9,
        entity: None,
        stance: None,
    }
}

/// The groups in the order of their first mentions: "Ada Merlow, Merlow | Elbe".
fn grouped(language: &str, source: &str) -> String {
    let (text, mut mentions) = marked(source);
    let mut entities = entities(&text, &mut mentions, language);
    entities.sort_by_key(|e| e.mentions[0]);
    let groups: Vec<String> = entities
        .iter()
        .map(|e| {
            let surfaces: Vec<&str> = e
                .mentions
                .iter()
                .map(|&m| text.slice(mentions[m].span))
                .collect();
            surfaces.join(", ")
        })
        .collect();
    groups.join(" | ")
}

/// Checks rows of language, marked text and expected groups; reports all that fail.
fn check(rows: &[(&str, &str, &str)]) {
    let failures: Vec<String> = rows
        .iter()
        .map(|(language, source, expected)| (source, expected, grouped(language, source)))
        .filter(|(_, expected, found)| found != *expected)
        .map(|(source, expected, found)| format!("{source}\n  wanted {expected}\n  found  {found}"))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn names(language: &str, source: &str) -> Vec<String> {
    let (text, mut mentions) = marked(source);
    let mut entities = entities(&text, &mut mentions, language);
    entities.sort_by_key(|e| e.mentions[0]);
    entities.into_iter().map(|e| e.name).collect()
}

#[test]
fn a_surname_names_the_person_of_the_full_name() {
    check(&[
        (
            "de",
            "[PER Ada Merlow] kam. [PER Merlow] ging.",
            "Ada Merlow, Merlow",
        ),
        (
            "de",
            "[PER Merlow] kommt\nDie Ärztin [PER Ada Merlow] kam.",
            "Merlow, Ada Merlow",
        ),
        (
            "de",
            "[PER MERLOW] kommt\n[PER Ada Merlow] kam.",
            "MERLOW, Ada Merlow",
        ),
        (
            "de",
            "[PER Ada Merlow] kam. [PER Merlows] Hund auch.",
            "Ada Merlow, Merlows",
        ),
        (
            "en",
            "[PER Donald Trump] left. [PER Trump] came.",
            "Donald Trump, Trump",
        ),
        (
            "fr",
            "[PER Emmanuel Macron] parle. [PER Macron] sort.",
            "Emmanuel Macron, Macron",
        ),
        (
            "it",
            "[PER Giorgia Meloni] parla. [PER Meloni] esce.",
            "Giorgia Meloni, Meloni",
        ),
        (
            "nl",
            "[PER Mark Rutte] sprak. [PER Ruttes] plan.",
            "Mark Rutte, Ruttes",
        ),
        (
            "pt",
            "[PER António Costa] falou. [PER Costa] saiu.",
            "António Costa, Costa",
        ),
        (
            "pt",
            "[PER Luiz Inácio Lula da Silva] falou. [PER Lula] saiu.",
            "Luiz Inácio Lula da Silva, Lula",
        ),
        (
            "es",
            "[PER Pedro Sánchez] habla. [PER Sánchez] sale.",
            "Pedro Sánchez, Sánchez",
        ),
        (
            "pl",
            "[PER Donald Tusk] mówi. [PER Tusk] wychodzi.",
            "Donald Tusk, Tusk",
        ),
    ]);
}

#[test]
fn a_particle_belongs_to_the_surname() {
    check(&[
        (
            "de",
            "[PER Ursula von der Leyen] kam. [PER Von der Leyen] ging.",
            "Ursula von der Leyen, Von der Leyen",
        ),
        (
            "de",
            "[PER Ursula von der Leyen] kam. [PER Leyen] ging.",
            "Ursula von der Leyen, Leyen",
        ),
        (
            "de",
            "[PER Ursula v. d. Leyen] kam. [PER Ursula von der Leyen] ging.",
            "Ursula v. d. Leyen, Ursula von der Leyen",
        ),
        (
            "fr",
            "[PER Charles de Gaulle] parle. [PER de Gaulle] sort.",
            "Charles de Gaulle, de Gaulle",
        ),
        (
            "fr",
            "[PER De Gaulle] revient\n[PER Charles de Gaulle] parle.",
            "De Gaulle, Charles de Gaulle",
        ),
        (
            "nl",
            "[PER Herman van Rompuy] sprak. [PER Van Rompuy] ging.",
            "Herman van Rompuy, Van Rompuy",
        ),
        (
            "nl",
            "[PER Jan van der Meulen] sprak. [PER Meulen] ging.",
            "Jan van der Meulen, Meulen",
        ),
        (
            "pt",
            "[PER Rui Dos Santos] falou. [PER Dos Santos] saiu.",
            "Rui Dos Santos, Dos Santos",
        ),
        (
            "it",
            "[PER Carla Del Monte] parla. [PER Del Monte] esce.",
            "Carla Del Monte, Del Monte",
        ),
        ("de", "[PER Al Gore] kam. [PER Gore] ging.", "Al Gore, Gore"),
        (
            "en",
            "[PER Mohammed bin Salman] spoke. [PER Bin Salman] left.",
            "Mohammed bin Salman, Bin Salman",
        ),
    ]);
}

#[test]
fn a_double_surname_is_one_surname() {
    check(&[
        (
            "de",
            "[PER Marie-Agnes Strack-Zimmermann] kam. [PER Strack-Zimmermann] ging.",
            "Marie-Agnes Strack-Zimmermann, Strack-Zimmermann",
        ),
        (
            "de",
            "[PER Ilse Rasch-Wieland] kam. [PER Rasch‑Wielands] Rede.",
            "Ilse Rasch-Wieland, Rasch‑Wielands",
        ),
        (
            "de",
            "[PER Ilse Rasch-Wieland] kam. [PER Rasch] ging.",
            "Ilse Rasch-Wieland, Rasch",
        ),
        (
            "de",
            "[PER Ilse Rasch-Wieland] kam. [PER Udo Rasch] kam. [PER Rasch] ging.",
            "Ilse Rasch-Wieland | Udo Rasch, Rasch",
        ),
        (
            "es",
            "[PER Pedro Sánchez Pérez-Castejón] habla. [PER Sánchez] sale. [PER Pedro Sánchez] vuelve.",
            "Pedro Sánchez Pérez-Castejón, Sánchez, Pedro Sánchez",
        ),
        (
            "es",
            "[PER Gabriel Lozano Prieto] habla. [PER Lozano Prieto] sale. [PER Lozano] vuelve.",
            "Gabriel Lozano Prieto, Lozano Prieto, Lozano",
        ),
        (
            "pt",
            "[PER Inês Faria Bastos] falou. [PER Bastos] saiu.",
            "Inês Faria Bastos, Bastos",
        ),
        (
            "pl",
            "[PER Władysław Kosiniak-Kamysz] mówi. Plan [PER Kosiniaka-Kamysza].",
            "Władysław Kosiniak-Kamysz, Kosiniaka-Kamysza",
        ),
    ]);
}

#[test]
fn initials_and_middle_names_may_be_left_out() {
    check(&[
        (
            "de",
            "[PER Jens Müller] kam. [PER J. Müller] ging.",
            "Jens Müller, J. Müller",
        ),
        (
            "de",
            "[PER Jens Müller] kam. [PER Julia Müller] kam. [PER J. Müller] ging.",
            "Jens Müller | Julia Müller | J. Müller",
        ),
        (
            "en",
            "[PER George W. Bush] came. [PER Bush] left. [PER George Bush] spoke.",
            "George W. Bush, Bush, George Bush",
        ),
        (
            "en",
            "[PER George W. Bush] came. [PER George H. W. Bush] left.",
            "George W. Bush | George H. W. Bush",
        ),
        (
            "de",
            "[PER Annalena Charlotte Baerbock] kam. [PER Annalena Baerbock] ging.",
            "Annalena Charlotte Baerbock, Annalena Baerbock",
        ),
        (
            "en",
            "[PER J.D. Vance] came. [PER JD Vance] left. [PER Vance] spoke.",
            "J.D. Vance, JD Vance, Vance",
        ),
        (
            "en",
            "[PER Donald Trump] came. [PER Donald Trump Jr.] left.",
            "Donald Trump | Donald Trump Jr.",
        ),
        (
            "en",
            "[PER Robert F. Kennedy Jr.] came. [PER Kennedy] left.",
            "Robert F. Kennedy Jr., Kennedy",
        ),
    ]);
}

#[test]
fn two_persons_with_one_surname_stay_apart() {
    check(&[
        (
            "en",
            "[PER Joe Biden] came.\n[PER Hunter Biden] left.\n[PER Joe Biden] spoke. [PER Biden] laughed.",
            "Joe Biden, Joe Biden, Biden | Hunter Biden",
        ),
        (
            "en",
            "[PER Joe Biden] came. [PER Biden] spoke. [PER Biden] sat.\n[PER Hunter Biden] left.\n[PER Biden] laughed.",
            "Joe Biden, Biden, Biden, Biden | Hunter Biden",
        ),
        (
            "en",
            "[PER Joe Biden] came.\n[PER Hunter Biden] left. [PER Biden] laughed.",
            "Joe Biden | Hunter Biden, Biden",
        ),
        (
            "de",
            "[PER Ada Merlow] und [PER Udo Merlow] kamen. Frau [PER Merlow] sprach, Herr [PER Merlow] nicht.",
            "Ada Merlow, Merlow | Udo Merlow, Merlow",
        ),
        (
            "de",
            "[PER Anna Merlow] und [PER Udo Merlow] kamen. Frau [PER Merlow] sprach, Herr [PER Merlow] nicht.",
            "Anna Merlow, Merlow | Udo Merlow, Merlow",
        ),
        (
            "de",
            "[PER Udo Merlow] kam. Frau [PER Merlow] sprach.",
            "Udo Merlow | Merlow",
        ),
        (
            "de",
            "[PER Udo Merlow] kam. Ministerin [PER Merlow] sprach.",
            "Udo Merlow | Merlow",
        ),
        (
            "de",
            "[PER Udo Merlow] kam. Minister [PER Merlow] sprach.",
            "Udo Merlow, Merlow",
        ),
        (
            "fr",
            "[PER Pierre Valmont] et [PER Claire Valmont] parlent. Mme [PER Valmont] sort.",
            "Pierre Valmont | Claire Valmont, Valmont",
        ),
        (
            "pl",
            "[PER Jan Kowalski] i [PER Anna Kowalska] mówią. Plan [PER Kowalskiej].",
            "Jan Kowalski | Anna Kowalska, Kowalskiej",
        ),
        (
            "it",
            "[PER Marco Bellori] e [PER Carla Bellori] parlano.",
            "Marco Bellori | Carla Bellori",
        ),
    ]);
}

#[test]
fn a_given_name_alone_needs_an_introduction() {
    check(&[
        (
            "de",
            "[PER Ada Merlow] kam. [PER Ada] ging.",
            "Ada Merlow, Ada",
        ),
        (
            "de",
            "[PER Ada] ging. [PER Ada Merlow] kam.",
            "Ada | Ada Merlow",
        ),
        (
            "de",
            "[PER Ada] geht\n[PER Ada Merlow] kam. [PER Ada] ging.",
            "Ada, Ada Merlow, Ada",
        ),
        (
            "de",
            "[PER Ada Merlow] und [PER Ada Quint] kamen. [PER Ada] ging.",
            "Ada Merlow | Ada Quint | Ada",
        ),
        (
            "de",
            "[PER Jens Merlow] kam. [PER Jens] ging.",
            "Jens Merlow, Jens",
        ),
        (
            "es",
            "[PER Juan Carlos Lozano] habla. [PER Carlos] sale.",
            "Juan Carlos Lozano | Carlos",
        ),
        (
            "de",
            "[PER Martin Quint] und [PER Udo Martin] kamen. [PER Martin] ging.",
            "Martin Quint | Udo Martin, Martin",
        ),
        (
            "de",
            "[PER Leo] reist\nPapst [PER Leo XIV.] reist.",
            "Leo, Leo XIV.",
        ),
    ]);
}

#[test]
fn the_surname_may_stand_first() {
    check(&[
        (
            "de",
            "[PER Xi] reist\n[PER Xi Jinping] kam.",
            "Xi, Xi Jinping",
        ),
        (
            "en",
            "[PER Kim Jong-un] spoke. [PER Kim Jong Un] left. [PER Kim] sat.",
            "Kim Jong-un, Kim Jong Un, Kim",
        ),
        (
            "en",
            "[PER Orbán Viktor] spoke. [PER Viktor Orbán] left. [PER Orban] sat.",
            "Orbán Viktor, Viktor Orbán, Orban",
        ),
    ]);
}

#[test]
fn a_name_in_s_is_no_genitive() {
    check(&[
        ("de", "[LOC Paris] und [LOC Mali].", "Paris | Mali"),
        ("de", "[PER Jens] und [PER Jen Quint].", "Jens | Jen Quint"),
        (
            "de",
            "[PER Hans Quint] und [PER Byung Han]. [PER Hans] ging.",
            "Hans Quint, Hans | Byung Han",
        ),
        ("de", "[LOC Mars] und [LOC Marsch].", "Mars | Marsch"),
        ("de", "[ORG Siemens] und [LOC Texas].", "Siemens | Texas"),
        (
            "en",
            "[PER Serena Williams] met [PER William]. [PER Williams] won.",
            "Serena Williams, Williams | William",
        ),
        (
            "de",
            "[PER Eva Peters] und [PER Udo Peter] kamen. [PER Peters] ging.",
            "Eva Peters, Peters | Udo Peter",
        ),
        ("es", "[PER Carlos] y [PER Carlo].", "Carlos | Carlo"),
    ]);
}

#[test]
fn a_genitive_names_the_same() {
    check(&[
        ("de", "[LOC Mali] wählt. [LOC Malis] Wahl.", "Mali, Malis"),
        ("de", "[LOC Malis] Wahl. [LOC Mali] wählt.", "Malis, Mali"),
        (
            "de",
            "[LOC Paris] wählt. [LOC Paris'] Wahl. [LOC Paris’] Rat.",
            "Paris, Paris', Paris’",
        ),
        (
            "de",
            "[PER Donald Trumps] Plan. [PER Trump] ging.",
            "Donald Trumps, Trump",
        ),
        ("de", "[PER Putin] kam. [PER Putins] Plan.", "Putin, Putins"),
        (
            "de",
            "[PER Olaf Scholz] kam. [PER Scholz’] Plan.",
            "Olaf Scholz, Scholz’",
        ),
        (
            "en",
            "[LOC Kenya's] vote. [LOC Kenya] votes.",
            "Kenya's, Kenya",
        ),
        (
            "nl",
            "[LOC Nederland] stemt. [LOC Nederlands] plan.",
            "Nederland, Nederlands",
        ),
        (
            "de",
            "[ORG Bundestag] tagt. Die Sitzung des [ORG Bundestages]. Präsident des [ORG Bundestags].",
            "Bundestag, Bundestages, Bundestags",
        ),
        (
            "de",
            "[ORG Zellenwerk] wächst. [ORG Zellenwerks] Kurs.",
            "Zellenwerk, Zellenwerks",
        ),
    ]);
}

#[test]
fn a_german_adjective_inside_a_name_declines() {
    check(&[
        (
            "de",
            "Die [ORG Deutsche Bank] kam. Bei der [ORG Deutschen Bank].",
            "Deutsche Bank, Deutschen Bank",
        ),
        (
            "de",
            "Das [ORG Auswärtige Amt], ein Sprecher des [ORG Auswärtigen Amts] und des [ORG Auswärtigen Amtes]. [ORG Auswärtiges Amt].",
            "Auswärtige Amt, Auswärtigen Amts, Auswärtigen Amtes, Auswärtiges Amt",
        ),
        (
            "de",
            "Die [ORG Grünen] kamen. [ORG Grüne] gingen.",
            "Grünen, Grüne",
        ),
        (
            "de",
            "In den [LOC Vereinigten Staaten]. [LOC Vereinigte Staaten].",
            "Vereinigten Staaten, Vereinigte Staaten",
        ),
        (
            "de",
            "Helfer des [ORG Roten Kreuzes]. Das [ORG Rote Kreuz].",
            "Roten Kreuzes, Rote Kreuz",
        ),
        (
            "de",
            "Die [ORG Freien Wähler] und bei den [ORG Freien Wählern].",
            "Freien Wähler, Freien Wählern",
        ),
        (
            "de",
            "Das [LOC Schwarze Meer], am [LOC Schwarzen Meer].",
            "Schwarze Meer, Schwarzen Meer",
        ),
        (
            "de",
            "Die [ORG Süddeutsche Zeitung], laut [ORG Süddeutscher Zeitung].",
            "Süddeutsche Zeitung, Süddeutscher Zeitung",
        ),
        (
            "de",
            "[LOC Bayern] und der [ORG Bayer]-Konzern, [ORG FC Bayern].",
            "Bayern | Bayer | FC Bayern",
        ),
        (
            "de",
            "Die [ORG Deutsche Bank] und die [ORG Deutsche Bahn].",
            "Deutsche Bank | Deutsche Bahn",
        ),
    ]);
}

#[test]
fn polish_cases_name_the_same() {
    check(&[
        (
            "pl",
            "[PER Donald Tusk] mówi. Plan [PER Donalda Tuska]. [PER Tuskowi] i [PER Tuskiem].",
            "Donald Tusk, Donalda Tuska, Tuskowi, Tuskiem",
        ),
        (
            "pl",
            "[PER Jarosław Kaczyński] i plan [PER Kaczyńskiego], z [PER Kaczyńskim].",
            "Jarosław Kaczyński, Kaczyńskiego, Kaczyńskim",
        ),
        (
            "pl",
            "[LOC Warszawa]. Do [LOC Warszawy]. W [LOC Warszawie].",
            "Warszawa, Warszawy, Warszawie",
        ),
        (
            "pl",
            "[LOC Polska]. Do [LOC Polski]. W [LOC Polsce].",
            "Polska, Polski, Polsce",
        ),
        (
            "pl",
            "[PER Adam Nowak]. Plan [PER Nowaka].",
            "Adam Nowak, Nowaka",
        ),
        (
            "pl",
            "[PER Andrzej Duda]. Plan [PER Dudy], o [PER Dudzie].",
            "Andrzej Duda, Dudy, Dudzie",
        ),
        (
            "pl",
            "[LOC Kraków]. W [LOC Krakowie]. Do [LOC Krakowa].",
            "Kraków, Krakowie, Krakowa",
        ),
        (
            "pl",
            "[LOC Niemcy]. Do [LOC Niemiec]. W [LOC Niemczech].",
            "Niemcy, Niemiec, Niemczech",
        ),
        (
            "pl",
            "[LOC Stany Zjednoczone]. W [LOC Stanach Zjednoczonych]. [LOC USA].",
            "Stany Zjednoczone, Stanach Zjednoczonych, USA",
        ),
        (
            "pl",
            "[ORG Unia Europejska]. W [ORG Unii Europejskiej]. [ORG UE].",
            "Unia Europejska, Unii Europejskiej, UE",
        ),
        (
            "pl",
            "[ORG PiS] mówi. Plan [ORG PiS-u]. [ORG Prawo i Sprawiedliwość].",
            "PiS, PiS-u, Prawo i Sprawiedliwość",
        ),
        (
            "pl",
            "[ORG Narodowy Bank Polski]. Prezes [ORG Narodowego Banku Polskiego]. [ORG NBP].",
            "Narodowy Bank Polski, Narodowego Banku Polskiego, NBP",
        ),
        (
            "pl",
            "[LOC Gdańsk]. W [LOC Gdańsku]. [LOC Poznań]. W [LOC Poznaniu].",
            "Gdańsk, Gdańsku | Poznań, Poznaniu",
        ),
        (
            "pl",
            "[PER Paweł Marczyk]. Plan [PER Pawła Marczyka].",
            "Paweł Marczyk, Pawła Marczyka",
        ),
        (
            "pl",
            "[LOC Rosja] i [LOC Rosji]. [LOC Ukraina] i [LOC Ukrainie].",
            "Rosja, Rosji | Ukraina, Ukrainie",
        ),
    ]);
}

#[test]
fn known_names_of_one_thing_are_one() {
    check(&[
        (
            "de",
            "Die [LOC USA], [LOC US]-Präsident, [LOC Vereinigten Staaten], [LOC U.S.].",
            "USA, US, Vereinigten Staaten, U.S.",
        ),
        (
            "en",
            "The [LOC US] and the [LOC United States]. [LOC UK] and [LOC Britain].",
            "US, United States | UK, Britain",
        ),
        (
            "fr",
            "Les [LOC États-Unis] et les [LOC USA]. [ORG OTAN], [ORG Nato].",
            "États-Unis, USA | OTAN, Nato",
        ),
        (
            "es",
            "[LOC EE. UU.] y [LOC Estados Unidos]. [ORG UE] y [ORG Unión Europea].",
            "EE. UU., Estados Unidos | UE, Unión Europea",
        ),
        (
            "it",
            "[LOC Stati Uniti] e [LOC Usa]. [ORG Bce] e [ORG Banca centrale europea].",
            "Stati Uniti, Usa | Bce, Banca centrale europea",
        ),
        (
            "nl",
            "[LOC Verenigde Staten] en [LOC VS]. [ORG VN] en [ORG Verenigde Naties].",
            "Verenigde Staten, VS | VN, Verenigde Naties",
        ),
        (
            "pt",
            "[LOC EUA] e [LOC Estados Unidos]. [ORG ONU] e [ORG Nações Unidas].",
            "EUA, Estados Unidos | ONU, Nações Unidas",
        ),
        (
            "pl",
            "[LOC Wielka Brytania] i w [LOC Wielkiej Brytanii].",
            "Wielka Brytania, Wielkiej Brytanii",
        ),
        (
            "de",
            "[ORG IWF] und [ORG Internationaler Währungsfonds]. [ORG EZB], [ORG Europäischen Zentralbank].",
            "IWF, Internationaler Währungsfonds | EZB, Europäischen Zentralbank",
        ),
        (
            "de",
            "[ORG VW] und [ORG Volkswagen AG]. [ORG DB], [ORG Deutsche Bahn].",
            "VW, Volkswagen AG | DB, Deutsche Bahn",
        ),
        (
            "de",
            "[LOC DDR] und [LOC Deutsche Demokratische Republik]. [LOC UdSSR], [LOC Sowjetunion].",
            "DDR, Deutsche Demokratische Republik | UdSSR, Sowjetunion",
        ),
        (
            "de",
            "[ORG SPD] und [ORG Sozialdemokraten]. [ORG AfD] und [ORG Alternative für Deutschland].",
            "SPD, Sozialdemokraten | AfD, Alternative für Deutschland",
        ),
        (
            "de",
            "[LOC NRW] und [LOC Nordrhein-Westfalen], [LOC Nordrhein-Westfalens].",
            "NRW, Nordrhein-Westfalen, Nordrhein-Westfalens",
        ),
        (
            "de",
            "[ORG UN] und [ORG EU] und [ORG EU-Kommission].",
            "UN | EU | EU-Kommission",
        ),
    ]);
}

#[test]
fn an_acronym_in_brackets_names_what_stands_before() {
    check(&[
        (
            "de",
            "Der [ORG Verein Elbtaler Imker] ([ORG VEI]) klagt. [ORG VEI] gewinnt.",
            "Verein Elbtaler Imker, VEI, VEI",
        ),
        (
            "de",
            "Der [ORG VEI] ([ORG Verein Elbtaler Imker]) klagt.",
            "VEI, Verein Elbtaler Imker",
        ),
        (
            "de",
            "[ORG Blau-Weiß Elbtal] ([ORG KSX]) siegt.",
            "Blau-Weiß Elbtal, KSX",
        ),
        (
            "de",
            "[ORG Radio Elbtal] ([ORG AFP]) meldet.",
            "Radio Elbtal | AFP",
        ),
        (
            "de",
            "[PER Ada Merlow] ([ORG CDU]) kam.",
            "Ada Merlow | CDU",
        ),
        (
            "fr",
            "L'[ORG Union des pêcheurs bretons] ([ORG UPB]) parle. [ORG UPB]",
            "Union des pêcheurs bretons, UPB, UPB",
        ),
        (
            "es",
            "La [ORG Liga de Campesinos] ([ORG LDC]) habla.",
            "Liga de Campesinos, LDC",
        ),
        (
            "pl",
            "[ORG Związek Rybaków Bałtyku] ([ORG ZRB]) mówi.",
            "Związek Rybaków Bałtyku, ZRB",
        ),
    ]);
}

#[test]
fn an_acronym_is_spelt_by_the_words_of_the_name() {
    check(&[
        (
            "de",
            "Die [ORG Deutsche Umwelthilfe] klagt. Die [ORG DUH] gewinnt.",
            "Deutsche Umwelthilfe, DUH",
        ),
        (
            "de",
            "Das [ORG Elbtaler Institut für Fischerei] warnt. Das [ORG EIF] mahnt.",
            "Elbtaler Institut für Fischerei, EIF",
        ),
        (
            "en",
            "The [ORG Northern Kelp Alliance] sued. [ORG NKA] won.",
            "Northern Kelp Alliance, NKA",
        ),
        (
            "it",
            "La [ORG Lega Pescatori Liguri] parla. [ORG LPL] esce.",
            "Lega Pescatori Liguri, LPL",
        ),
        (
            "es",
            "[ORG CEOE] y [ORG Comisiones Obreras].",
            "CEOE | Comisiones Obreras",
        ),
        (
            "en",
            "[ORG Northern Kelp Alliance], [ORG National Kiln Association], [ORG NKA].",
            "Northern Kelp Alliance | National Kiln Association | NKA",
        ),
        (
            "de",
            "[LOC Neue Karl-Allee] und [ORG NKA].",
            "Neue Karl-Allee | NKA",
        ),
    ]);
}

#[test]
fn a_legal_form_may_be_left_out() {
    check(&[
        (
            "de",
            "[ORG Zellenwerk Elbe AG] wächst. [ORG Zellenwerk Elbe] baut.",
            "Zellenwerk Elbe AG, Zellenwerk Elbe",
        ),
        (
            "de",
            "[ORG Auer & Sohn GmbH & Co. KG] baut. [ORG Auer & Sohn] auch.",
            "Auer & Sohn GmbH & Co. KG, Auer & Sohn",
        ),
        (
            "en",
            "[ORG Merlow Inc.] grew. [ORG Merlow] fell. [ORG Merlow Corp.] rose.",
            "Merlow Inc., Merlow, Merlow Corp.",
        ),
        (
            "it",
            "[ORG Portalba S.p.A.] cresce. [ORG Portalba] cala.",
            "Portalba S.p.A., Portalba",
        ),
        (
            "es",
            "[ORG Verdalia, S.A.] crece. [ORG Verdalia] cae.",
            "Verdalia, S.A., Verdalia",
        ),
        (
            "fr",
            "[ORG Valmont SAS] croît. [ORG Valmont] chute.",
            "Valmont SAS, Valmont",
        ),
        (
            "nl",
            "[ORG Waterkant B.V.] groeit. [ORG Waterkant NV] krimpt.",
            "Waterkant B.V., Waterkant NV",
        ),
        (
            "pl",
            "[ORG Drukmet Sp. z o.o.] rośnie. [ORG Drukmet] spada.",
            "Drukmet Sp. z o.o., Drukmet",
        ),
        (
            "pt",
            "[ORG Cortilha Lda] cresce. [ORG Cortilha] cai.",
            "Cortilha Lda, Cortilha",
        ),
    ]);
}

#[test]
fn an_unambiguous_part_stands_for_the_organisation() {
    check(&[
        (
            "de",
            "[ORG Zellenwerk Elbe AG] wächst. [ORG Zellenwerk] baut.",
            "Zellenwerk Elbe AG, Zellenwerk",
        ),
        (
            "de",
            "[ORG Zellenwerk Elbe] und [ORG Zellenwerk Isar] bauen. [ORG Zellenwerk] auch.",
            "Zellenwerk Elbe | Zellenwerk Isar | Zellenwerk",
        ),
        (
            "de",
            "[ORG Siemens] wächst. Auch [ORG Siemens Energy] wächst.",
            "Siemens | Siemens Energy",
        ),
        (
            "de",
            "[ORG SPD] und [ORG SPD Sachsen].",
            "SPD | SPD Sachsen",
        ),
        (
            "de",
            "[ORG 1. FC Kaiserslautern] siegt. [ORG Kaiserslautern] jubelt. In [LOC Kaiserslautern] auch.",
            "1. FC Kaiserslautern, Kaiserslautern | Kaiserslautern",
        ),
        (
            "de",
            "Das [ORG Landgericht Elbstadt] urteilt. [ORG Elbstadt] verliert 0:2.",
            "Landgericht Elbstadt | Elbstadt",
        ),
        (
            "de",
            "Die [ORG Brandner-Gruppe] wächst. [ORG Brandner] baut.",
            "Brandner-Gruppe, Brandner",
        ),
        (
            "de",
            "[ORG Brandner] baut. Die [ORG Brandner-Gruppe] wächst.",
            "Brandner, Brandner-Gruppe",
        ),
        (
            "de",
            "Der [ORG Internationale Strafgerichtshof] und Richter des [ORG Strafgerichtshofs].",
            "Internationale Strafgerichtshof, Strafgerichtshofs",
        ),
        (
            "de",
            "Chef des [ORG Kommunalverbunds Nord]. Der [ORG Kommunalverbund] klagt.",
            "Kommunalverbunds Nord, Kommunalverbund",
        ),
        (
            "de",
            "Die [ORG EU-Kommission] prüft. Die [ORG Kommission] klagt.",
            "EU-Kommission, Kommission",
        ),
        (
            "en",
            "[ORG Trinamool Congress] and [ORG Congress].",
            "Trinamool Congress | Congress",
        ),
        (
            "pl",
            "[ORG Departament Skarbu] mówi. Plan [ORG Departamentu].",
            "Departament Skarbu, Departamentu",
        ),
        (
            "de",
            "[MISC Falke] startet. [MISC Falke 9] startet.",
            "Falke | Falke 9",
        ),
        (
            "de",
            "[ORG Der Spiegel] schreibt. Laut [ORG Spiegel].",
            "Der Spiegel, Spiegel",
        ),
        (
            "en",
            "[ORG The Guardian] wrote. [ORG Guardian] said.",
            "The Guardian, Guardian",
        ),
        (
            "fr",
            "[ORG Automobiles Valmont] croît. [ORG Valmont] chute.",
            "Automobiles Valmont, Valmont",
        ),
        (
            "es",
            "[ORG Universidad de Lorca] y [ORG Lorca].",
            "Universidad de Lorca | Lorca",
        ),
    ]);
}

#[test]
fn a_town_may_bear_an_addition() {
    check(&[
        (
            "de",
            "In [LOC Frankfurt am Main] und [LOC Frankfurt].",
            "Frankfurt am Main, Frankfurt",
        ),
        (
            "de",
            "In [LOC Elbstadt an der Elbe] und [LOC Elbstadt].",
            "Elbstadt an der Elbe, Elbstadt",
        ),
        (
            "de",
            "In [LOC Guinea-Bissau] und [LOC Guinea] und [LOC Bissau].",
            "Guinea-Bissau | Guinea | Bissau",
        ),
        ("de", "[LOC NIAMEY] – In [LOC Niamey].", "NIAMEY, Niamey"),
        ("de", "In [LOC Niger] und [LOC Nigeria].", "Niger | Nigeria"),
    ]);
}

#[test]
fn mentions_of_different_types_stay_apart() {
    check(&[
        ("de", "[LOC Bremen] und [ORG Bremen].", "Bremen | Bremen"),
        ("de", "[PER Merlow] und [ORG Merlow].", "Merlow | Merlow"),
    ]);
}

#[test]
fn spellings_that_differ_in_signs_are_one() {
    check(&[
        (
            "de",
            "[PER Mu\u{308}ller] und [PER Müller].",
            "Mu\u{308}ller, Müller",
        ),
        (
            "de",
            "[ORG Bundes\u{ad}bank] und [ORG Bundesbank].",
            "Bundes\u{ad}bank, Bundesbank",
        ),
        (
            "de",
            "[ORG Elbe  Werk] und [ORG Elbe\u{a0}Werk].",
            "Elbe  Werk, Elbe\u{a0}Werk",
        ),
        ("en", "[PER O’Neill] and [PER O'Neill].", "O’Neill, O'Neill"),
    ]);
}

#[test]
fn the_name_is_the_fullest_form_without_inflection() {
    for (language, source, expected) in [
        (
            "de",
            "[PER Merlow] kam. [PER Ada Merlows] Rede. [PER Ada Merlow].",
            "Ada Merlow",
        ),
        (
            "de",
            "[PER Donald Trumps] Plan. [PER Trump] ging.",
            "Donald Trump",
        ),
        ("de", "[LOC Malis] Wahl, [LOC Mali].", "Mali"),
        ("de", "[LOC Paris'] Rat.", "Paris"),
        ("de", "[LOC Paris].", "Paris"),
        ("de", "[LOC NIAMEY] – In [LOC Niamey].", "Niamey"),
        (
            "de",
            "[ORG Deutschen Bank], [ORG Deutsche Bank].",
            "Deutsche Bank",
        ),
        (
            "de",
            "[ORG Auswärtigen Amts], [ORG Auswärtige Amt], [ORG Auswärtiges Amt].",
            "Auswärtiges Amt",
        ),
        (
            "de",
            "[ORG Roten Kreuzes], [ORG Rotes Kreuz].",
            "Rotes Kreuz",
        ),
        ("de", "[ORG Grünen], [ORG Grüne].", "Grüne"),
        (
            "de",
            "[LOC US], [LOC USA], [LOC Vereinigte Staaten].",
            "Vereinigte Staaten",
        ),
        ("de", "[ORG SPD], [ORG Sozialdemokraten].", "SPD"),
        (
            "de",
            "[ORG Zellenwerk]\n[ORG Zellenwerk Elbe AG], [ORG Zellenwerk Elbe].",
            "Zellenwerk Elbe AG",
        ),
        (
            "de",
            "[ORG IWF], [ORG Internationaler Währungsfonds].",
            "Internationaler Währungsfonds",
        ),
        (
            "pl",
            "[PER Tuska], [PER Donalda Tuska], [PER Donald Tusk].",
            "Donald Tusk",
        ),
        (
            "pl",
            "[LOC Warszawie], [LOC Warszawy], [LOC Warszawa].",
            "Warszawa",
        ),
        ("pl", "[LOC Polsce], [LOC Polski], [LOC Polska].", "Polska"),
        ("pl", "[LOC Niemiec], [LOC Niemcy].", "Niemcy"),
        (
            "en",
            "[PER Bush], [PER George W. Bush], [PER George Bush].",
            "George W. Bush",
        ),
    ] {
        assert_eq!(names(language, source)[..1], [expected], "{source}");
    }
}

#[test]
fn a_mention_at_the_head_counts_more() {
    let filler = "x".repeat(3000);
    let source = format!("[LOC Elbe] steigt. {filler} [LOC Isar] fällt.");
    let (text, mut mentions) = marked(&source);
    let entities = entities(&text, &mut mentions, "de");
    assert_eq!(entities[0].name, "Elbe");
    assert!(entities[0].salience > 2.5 * entities[1].salience);
}

#[test]
fn entities_come_by_falling_salience_and_mentions_point_to_them() {
    let (text, mut mentions) = marked("[LOC Elbe], [LOC Isar], [LOC Isar].");
    let entities = entities(&text, &mut mentions, "de");
    let names: Vec<&str> = entities.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["Isar", "Elbe"]);
    assert_eq!(
        mentions.iter().map(|m| m.entity).collect::<Vec<_>>(),
        [Some(1), Some(0), Some(0)]
    );
}

#[test]
fn a_text_without_mentions_has_no_entities() {
    let text = Text::new("Es regnet.").unwrap();
    assert_eq!(entities(&text, &mut [], "de"), []);
}

#[test]
fn many_mentions_of_many_names_are_grouped() {
    let mut source = String::new();
    for i in 0..4000 {
        let letters: String = format!("{i:04}")
            .bytes()
            .map(|b| char::from(b + 49))
            .collect();
        source.push_str(&format!(
            "[PER X{letters} Merlow] [PER Merlow] [ORG Werk {letters}] [ORG W{}] [LOC Ort{letters}s]\n",
            letters.to_uppercase()
        ));
    }
    let (text, mut mentions) = marked(&source);
    let entities = entities(&text, &mut mentions, "de");
    assert_eq!(mentions.len(), 20_000);
    assert!(entities.len() >= 12_000);
}

/// Any characters and, more often, pieces of which names are made.
fn surface() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "Merlow",
        "merlows",
        "Ada",
        "von",
        "der",
        "-",
        "'",
        ".",
        " ",
        "AG",
        "J.",
        "USA",
        "Jr.",
        "ß",
        "\u{308}",
        "\u{ad}",
        "\0",
        "(",
        ")",
        "İ",
        "👩\u{200d}🚀",
        "א",
        "ska",
        "iego",
        "Deutsche",
        "en",
    ]);
    prop_oneof![
        any::<String>(),
        prop::collection::vec(pieces, 1..6).prop_map(|p| p.concat()),
    ]
}

proptest! {
    #[test]
    fn each_mention_belongs_to_exactly_one_entity(
        surfaces in prop::collection::vec((surface(), 0..4usize), 0..24),
        language in prop::sample::select(vec!["de", "en", "fr", "es", "it", "nl", "pl", "pt", "und", ""]),
    ) {
        let mut source = String::new();
        let mut ranges = Vec::new();
        for (surface, kind) in &surfaces {
            let start = source.len();
            source.push_str(surface);
            ranges.push((start..source.len(), *kind));
            source.push_str(if kind % 2 == 0 { " (" } else { ")\n" });
        }
        let text = Text::new(source).unwrap();
        let types = [Person, Organization, Location, Miscellaneous];
        let mut mentions: Vec<Mention> = ranges
            .into_iter()
            .map(|(range, kind)| mention(text.span(range).unwrap(), types[kind]))
            .collect();
        let mut again = mentions.clone();
        let found = entities(&text, &mut mentions, language);

        let mut seen = vec![0; mentions.len()];
        for (i, entity) in found.iter().enumerate() {
            prop_assert!(entity.mentions.is_sorted() && !entity.mentions.is_empty());
            for &m in &entity.mentions {
                seen[m] += 1;
                prop_assert_eq!(mentions[m].entity, Some(i));
                prop_assert_eq!(mentions[m].entity_type, entity.entity_type);
            }
        }
        prop_assert!(seen.iter().all(|n| *n == 1));
        prop_assert!(found.is_sorted_by(|a, b| a.salience >= b.salience));
        let sum: f32 = found.iter().map(|e| e.salience).sum();
        prop_assert!(found.is_empty() || (sum - 1.0).abs() < 1e-3);
        // Each map has a seed of its own, so that a second run would differ if an order came from one.
        prop_assert_eq!(entities(&text, &mut again, language), found);
        prop_assert_eq!(again, mentions);
    }
}
