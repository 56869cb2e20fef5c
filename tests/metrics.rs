//! The metrics as an operator sees them: the page, what moves on it, and its documentation.

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::PathBuf,
};

use support::{article, config, document, http, queued, server, server_with, tag, tag_with};
use tagwerk::{
    proto::tagwerk::v1::{
        EntityType, Feature, GetInfoRequest, HolderKind, Polarity, SpeakerKind, TagOptions,
        TaggedDocument, tag_stream_response,
    },
    server::ServerConfig,
    telemetry::{
        metrics,
        traces::{Share, TraceSettings},
    },
};
use tonic::Request;

const TEXT: &str = "Nora Brandt warf der Vela AG Wortbruch vor. „Das war ein Skandal“, sagte Brandt \
                    in Kiel. Die Vela AG wies die Kritik zurück.";

/// How often each label set is found in an answer, as the page writes the series.
fn series_of(answer: &TaggedDocument) -> BTreeMap<String, f64> {
    let short = |name: &'static str, prefix| name.strip_prefix(prefix).unwrap();
    let entity_type = |t: EntityType| short(t.as_str_name(), "ENTITY_TYPE_");
    let mentions = answer
        .mentions
        .iter()
        .map(|m| format!(r#"mentions_total{{type="{}"}}"#, entity_type(m.r#type())));
    let entities = answer
        .entities
        .iter()
        .map(|e| format!(r#"entities_total{{type="{}"}}"#, entity_type(e.r#type())));
    let stances = answer.stances.iter().map(|s| {
        let polarity = short(Polarity::as_str_name(&s.polarity()), "POLARITY_");
        let holder = short(HolderKind::as_str_name(&s.holder_kind()), "HOLDER_KIND_");
        format!(r#"stances_total{{polarity="{polarity}",holder="{holder}"}}"#)
    });
    let quotes = answer.quotes.iter().map(|q| {
        let speaker = short(SpeakerKind::as_str_name(&q.speaker_kind()), "SPEAKER_KIND_");
        format!(r#"quotes_total{{speaker="{speaker}"}}"#)
    });
    let mut counts = BTreeMap::new();
    for series in mentions.chain(entities).chain(stances).chain(quotes) {
        *counts.entry(format!("tagwerk_{series}")).or_default() += 1.0;
    }
    counts
}

#[tokio::test]
async fn the_counters_grow_by_what_an_answer_holds() {
    let server = server().await;
    let mut client = server.client().await;
    let answer = client.tag(tag(document("", TEXT))).await.unwrap();
    let answer = answer.into_inner().document.unwrap();
    let once = series_of(&answer);
    for kind in ["mentions", "entities", "stances", "quotes"] {
        let found = once
            .keys()
            .any(|s| s.starts_with(&format!("tagwerk_{kind}")));
        assert!(found, "no {kind} in the text");
    }
    for times in [1.0, 2.0] {
        for (series, count) in &once {
            assert_eq!(server.metric(series).await, times * count, "{series}");
        }
        let language = r#"tagwerk_document_languages_total{language="de"}"#;
        assert_eq!(server.metric(language).await, times);
        client.tag(tag(document("", TEXT))).await.unwrap();
    }
}

#[tokio::test]
async fn layers_that_are_not_asked_for_are_not_counted() {
    let server = server().await;
    let options = TagOptions {
        features: vec![Feature::Mentions.into()],
        ..Default::default()
    };
    let request = tag_with(document("", TEXT), options);
    server.client().await.tag(request).await.unwrap();
    for (series, moves) in [
        (r#"tagwerk_mentions_total{type="PERSON"}"#, true),
        (r#"tagwerk_entities_total{type="PERSON"}"#, false),
    ] {
        assert_eq!(server.metric(series).await > 0.0, moves, "{series}");
    }
}

#[tokio::test]
async fn every_tagged_document_is_timed_from_its_last_reading() {
    let server = server().await;
    let mut client = server.client().await;
    client.tag(tag(document("", &article(40)))).await.unwrap();
    client.tag(tag(document("", ""))).await.unwrap();
    let unsupported = tagwerk::proto::tagwerk::v1::Document {
        language: "xx".into(),
        ..document("", TEXT)
    };
    client.tag(tag(unsupported)).await.unwrap_err();
    let stream = futures::stream::iter(vec![queued(document("a", TEXT)); 3]);
    let mut answers = client.tag_stream(stream).await.unwrap().into_inner();
    while let Some(answer) = answers.message().await.unwrap() {
        let document = matches!(
            answer.result,
            Some(tag_stream_response::Result::Document(_))
        );
        assert!(document);
    }
    for (series, expected) in [
        ("tagwerk_postprocess_duration_seconds_count", 5.0),
        (r#"tagwerk_documents_total{result="ok"}"#, 5.0),
        (r#"tagwerk_documents_total{result="INVALID_ARGUMENT"}"#, 1.0),
    ] {
        assert_eq!(server.metric(series).await, expected, "{series}");
    }
    let seconds = server
        .metric("tagwerk_postprocess_duration_seconds_sum")
        .await;
    assert!(seconds > 0.0);
}

#[tokio::test]
async fn a_strict_reader_takes_the_page() {
    let server = server().await;
    let mut client = server.client().await;
    client.tag(tag(document("", TEXT))).await.unwrap();
    let call = r#"tagwerk_calls_total{method="tagwerk.v1.TaggingService/Tag",code="OK"}"#;
    server.until_metric(call, 1.0).await;
    let page = http::get(server.http, "/metrics").await.body;
    let families = openmetrics::read(&page).unwrap();
    let read: BTreeSet<&str> = families.iter().map(|f| f.name.as_str()).collect();
    let table = metrics::reference();
    let documented: BTreeSet<&str> = rows(&table).iter().map(|row| family(row)).collect();
    assert_eq!(read, documented);
    let unit = |name| {
        families
            .iter()
            .find(|f| f.name == name)
            .map(|f| f.unit.as_str())
    };
    assert_eq!(
        unit("tagwerk_postprocess_duration_seconds"),
        Some("seconds")
    );
    assert_eq!(unit("tagwerk_document_bytes"), Some("bytes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_duration_of_a_call_names_its_trace_where_that_is_exported() {
    let server = server_with(ServerConfig {
        trace: Some(TraceSettings {
            // Nobody is there, which is the same to the page.
            endpoint: "http://127.0.0.1:9".to_owned(),
            share: Share::ALL,
        }),
        ..config()
    })
    .await;
    let mut client = server.client().await;
    for (trace, flags) in [(1, "00"), (2, "01")] {
        let mut request = Request::new(GetInfoRequest {});
        let parent = format!("00-{trace:032x}-00000000000000aa-{flags}");
        let parent = parent.parse().unwrap();
        request.metadata_mut().insert("traceparent", parent);
        client.get_info(request).await.unwrap();
    }
    let call = r#"tagwerk_calls_total{method="tagwerk.v1.TaggingService/GetInfo",code="OK"}"#;
    server.until_metric(call, 2.0).await;
    let page = http::get(server.http, "/metrics").await.body;
    openmetrics::read(&page).unwrap();
    let exemplars = page.lines().filter_map(|line| line.split_once(" # {"));
    let [(series, exemplar)]: [_; 1] = exemplars.collect::<Vec<_>>().try_into().unwrap();
    assert!(series.starts_with("tagwerk_call_duration_seconds_bucket{"));
    let sampled = format!("trace_id=\"{:032x}\"}} ", 2);
    assert!(exemplar.starts_with(&sampled), "{exemplar}");
}

#[test]
fn a_strict_reader_refuses_what_openmetrics_forbids() {
    let good = "# HELP a_seconds A.\n# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n\
                a_seconds_bucket{le=\"0.5\"} 1 # {trace_id=\"ab\"} 0.2 1700000000.5\n\
                a_seconds_bucket{le=\"+Inf\"} 2\na_seconds_count 2\na_seconds_sum 3.5\n\
                # TYPE b counter\nb_total{x=\"a\\\"} #\"} 1\nb_total{x=\"\"} 0\n# EOF\n";
    openmetrics::read(good).unwrap();
    for (what, from, to) in [
        ("no end", "# EOF\n", ""),
        ("an end without line feed", "# EOF\n", "# EOF"),
        ("something behind the end", "# EOF\n", "# EOF\nb_total 1\n"),
        ("an empty line", "# TYPE b", "\n# TYPE b"),
        ("a comment", "# TYPE b", "# the second\n# TYPE b"),
        (
            "a family twice",
            "# EOF",
            "# TYPE b counter\nb_total{x=\"b\"} 1\n# EOF",
        ),
        (
            "a type twice",
            "# TYPE b counter",
            "# TYPE b counter\n# TYPE b counter",
        ),
        (
            "a unit that the name lacks",
            "# UNIT a_seconds seconds",
            "# UNIT a_seconds bytes",
        ),
        ("an unknown type", "b counter", "b number"),
        ("a counter without suffix", "b_total{x=\"\"}", "b{x=\"\"}"),
        (
            "a counter that is negative",
            "b_total{x=\"\"} 0",
            "b_total{x=\"\"} -1",
        ),
        ("no value", "b_total{x=\"\"} 0", "b_total{x=\"\"}"),
        (
            "a series twice",
            "b_total{x=\"\"} 0",
            "b_total{x=\"\"} 0\nb_total{x=\"\"} 0",
        ),
        ("a label twice", "{x=\"\"}", "{x=\"\",x=\"\"}"),
        ("a name of a label", "{x=\"\"}", "{0=\"\"}"),
        ("an open label", "{x=\"\"}", "{x=\"}"),
        ("buckets that fall", "+Inf\"} 2", "+Inf\"} 0"),
        (
            "bounds that fall",
            "le=\"0.5\"} 1",
            "le=\"0.5\"} 1\na_seconds_bucket{le=\"0.2\"} 1",
        ),
        ("no last bucket", "a_seconds_bucket{le=\"+Inf\"} 2\n", ""),
        (
            "a count that is not the last bucket's",
            "_count 2",
            "_count 3",
        ),
        (
            "an exemplar of a sum",
            "_sum 3.5",
            "_sum 3.5 # {trace_id=\"ab\"} 1",
        ),
    ] {
        let page = good.replacen(from, to, 1);
        assert_ne!(page, good, "{what}");
        assert!(openmetrics::read(&page).is_err(), "{what}:\n{page}");
    }
}

fn documentation() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md")
}

/// What stands around the table that is made from the code.
const TABLE: (&str, &str) = (
    "<!-- The table is made from the code: UPDATE_DOCS=1 cargo test --test metrics writes it. -->\n\n",
    "\n\n<!-- The end of the table. -->",
);

#[test]
fn the_table_in_the_documentation_is_that_of_the_code() {
    let path = documentation();
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(TABLE.0).expect("no mark before the table");
    let (table, after) = rest.split_once(TABLE.1).expect("no mark behind the table");
    let expected = metrics::reference();
    if env::var_os("UPDATE_DOCS").is_some() {
        let page = [before, TABLE.0, &expected, TABLE.1, after].concat();
        return fs::write(&path, page).unwrap();
    }
    assert!(
        table == expected,
        "docs/metrics.md is not what the code says; run UPDATE_DOCS=1 cargo test --test metrics"
    );
}

/// A row of the table: name, type, unit, labels, meaning.
type Row<'a> = Vec<&'a str>;

fn rows(table: &str) -> Vec<Row<'_>> {
    let rows = table.lines().skip(2);
    rows.map(|row| {
        row.trim_matches(['|', ' '])
            .split(" | ")
            .map(str::trim)
            .collect()
    })
    .collect()
}

/// The name of a row's family, which a counter's series only begin with.
fn family<'a>(row: &Row<'a>) -> &'a str {
    let name = row[0].trim_matches('`');
    name.strip_suffix("_total").unwrap_or(name)
}

#[test]
fn the_documentation_names_only_series_that_exist() {
    let table = metrics::reference();
    let rows = rows(&table);
    let mut series = BTreeMap::new();
    for row in &rows {
        let name = row[0].trim_matches('`');
        series.insert(name.to_owned(), row);
        if row[1] == "histogram" {
            series.extend(["_bucket", "_count", "_sum"].map(|end| (format!("{name}{end}"), row)));
        }
    }
    let page = fs::read_to_string(documentation()).unwrap();
    let mut named = 0;
    for (at, _) in page.match_indices("tagwerk_") {
        let rest = &page[at..];
        let end = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
        let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let row = series
            .get(name)
            .unwrap_or_else(|| panic!("no such series: {name}"));
        named += 1;
        let Some((selector, _)) = rest.strip_prefix('{').and_then(|r| r.split_once('}')) else {
            continue;
        };
        for matcher in selector.split(',') {
            let (label, value) = matcher.split_once('=').unwrap();
            let (label, value) = (label.trim_end_matches('!'), value.trim_matches('"'));
            let known = [format!("`{label}`: "), format!("`{value}`")];
            assert!(
                known.iter().all(|k| row[3].contains(k)),
                "{name}: {matcher}"
            );
        }
    }
    assert!(named > rows.len());
}

/// A reader of the text format of OpenMetrics 1.0 that forgives nothing, for the types that the page has.
mod openmetrics {
    use std::collections::BTreeSet;

    #[derive(Debug, Default)]
    pub struct Family {
        pub name: String,
        pub unit: String,
        kind: String,
        samples: Vec<Sample>,
        described: BTreeSet<String>,
    }

    /// A label with its value.
    type Label = (String, String);

    #[derive(Debug)]
    struct Sample {
        name: String,
        labels: Vec<Label>,
        value: f64,
    }

    /// The families of a page, or the line that is wrong.
    pub fn read(page: &str) -> Result<Vec<Family>, String> {
        let body = page.strip_suffix("# EOF\n").ok_or("no end")?;
        let mut families: Vec<Family> = Vec::new();
        for line in body.split_terminator('\n') {
            line_of(line, &mut families).map_err(|what| format!("{what}: {line}"))?;
        }
        let mut names = BTreeSet::new();
        for family in &families {
            check(family).map_err(|what| format!("{what}: {}", family.name))?;
            let own: BTreeSet<&str> = family.samples.iter().map(|s| s.name.as_str()).collect();
            let new = own
                .into_iter()
                .chain([family.name.as_str()])
                .collect::<BTreeSet<_>>();
            if !new.into_iter().all(|name| names.insert(name)) {
                return Err(format!("a name twice: {}", family.name));
            }
        }
        Ok(families)
    }

    fn line_of(line: &str, families: &mut Vec<Family>) -> Result<(), String> {
        let Some(description) = line.strip_prefix("# ") else {
            let sample = sample(line)?;
            let family = families.last_mut().ok_or("a sample without a family")?;
            family.samples.push(sample);
            return Ok(());
        };
        let mut parts = description.splitn(3, ' ');
        let (Some(what), Some(name), Some(text)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err("no description".to_owned());
        };
        if !is_name(name, true) {
            return Err("no name".to_owned());
        }
        if families.last().is_none_or(|family| family.name != name) {
            families.push(Family {
                name: name.to_owned(),
                ..Family::default()
            });
        }
        let family = families.last_mut().ok_or("no family")?;
        if !family.samples.is_empty() || !family.described.insert(what.to_owned()) {
            return Err("described twice, or behind its samples".to_owned());
        }
        match what {
            "HELP" => {}
            "TYPE" if ["counter", "gauge", "histogram"].contains(&text) => {
                text.clone_into(&mut family.kind)
            }
            "UNIT" if name.ends_with(&format!("_{text}")) => text.clone_into(&mut family.unit),
            _ => return Err("no such description".to_owned()),
        }
        Ok(())
    }

    fn is_name(name: &str, colons: bool) -> bool {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':'))
    }

    fn number(text: &str) -> Result<f64, String> {
        text.parse().map_err(|_| "no number".to_owned())
    }

    fn sample(line: &str) -> Result<Sample, String> {
        let end = line.find(['{', ' ']).ok_or("no value")?;
        let (name, rest) = line.split_at(end);
        let (labels, rest) = labels(rest)?;
        let rest = rest.strip_prefix(' ').ok_or("no blank before the value")?;
        let (value, exemplar) = match rest.split_once(" # ") {
            Some((value, exemplar)) => (value, Some(exemplar)),
            None => (rest, None),
        };
        if let Some(exemplar) = exemplar {
            if !name.ends_with("_bucket") && !name.ends_with("_total") {
                return Err("an exemplar where none may stand".to_owned());
            }
            let (labels, rest) = self::labels(exemplar)?;
            let characters = labels
                .iter()
                .map(|(n, v)| n.chars().count() + v.chars().count());
            if characters.sum::<usize>() > 128 {
                return Err("an exemplar that is too long".to_owned());
            }
            let numbers: Vec<&str> = rest
                .strip_prefix(' ')
                .ok_or("no blank")?
                .split(' ')
                .collect();
            if numbers.len() > 2 {
                return Err("too much behind the exemplar".to_owned());
            }
            numbers.into_iter().try_for_each(|n| number(n).map(drop))?;
        }
        if !is_name(name, true) {
            return Err("no name".to_owned());
        }
        Ok(Sample {
            name: name.to_owned(),
            labels,
            value: number(value)?,
        })
    }

    /// The labels at the beginning of a text, if any, and what stands behind them.
    fn labels(text: &str) -> Result<(Vec<Label>, &str), String> {
        let mut labels: Vec<Label> = Vec::new();
        let Some(mut rest) = text.strip_prefix('{') else {
            return Ok((labels, text));
        };
        while !rest.starts_with('}') {
            let (name, value) = rest.split_once("=\"").ok_or("an open label")?;
            if !is_name(name, false) || labels.iter().any(|(n, _)| n == name) {
                return Err("no name of a label, or one twice".to_owned());
            }
            let mut content = String::new();
            let mut characters = value.char_indices();
            let end = loop {
                match characters.next().ok_or("an open value")? {
                    (at, '"') => break at,
                    (_, '\\') => match characters.next() {
                        Some((_, 'n')) => content.push('\n'),
                        Some((_, c @ ('\\' | '"'))) => content.push(c),
                        _ => return Err("no such escape".to_owned()),
                    },
                    (_, c) => content.push(c),
                }
            };
            labels.push((name.to_owned(), content));
            let behind = &value[end + 1..];
            rest = match behind.strip_prefix(',') {
                Some(next) if !next.starts_with('}') => next,
                None if behind.starts_with('}') => behind,
                _ => return Err("no comma between labels".to_owned()),
            };
        }
        Ok((labels, &rest[1..]))
    }

    fn check(family: &Family) -> Result<(), String> {
        let suffixes: &[&str] = match family.kind.as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_bucket", "_count", "_sum"],
            _ => return Err("no type".to_owned()),
        };
        let mut seen = BTreeSet::new();
        for sample in &family.samples {
            let suffix = sample.name.strip_prefix(&family.name);
            if !suffix.is_some_and(|suffix| suffixes.contains(&suffix)) {
                return Err(format!("a sample of another family, {}", sample.name));
            }
            let mut labels = sample.labels.clone();
            labels.sort();
            if !seen.insert((&sample.name, labels)) {
                return Err(format!("a series twice, {sample:?}"));
            }
            if family.kind != "gauge" && !(0.0..=f64::MAX).contains(&sample.value) {
                return Err(format!("a count that is none, {sample:?}"));
            }
        }
        if family.kind == "histogram" {
            return check_buckets(family);
        }
        Ok(())
    }

    /// Each histogram's buckets rise, and the last of them is its count.
    fn check_buckets(family: &Family) -> Result<(), String> {
        let of = |suffix| {
            let name = format!("{}{suffix}", family.name);
            family
                .samples
                .iter()
                .filter(move |sample| sample.name == name)
        };
        for count in of("_count") {
            let mut last = (f64::NEG_INFINITY, 0.0);
            for bucket in of("_bucket") {
                let (bounds, others): (Vec<&Label>, Vec<&Label>) =
                    bucket.labels.iter().partition(|(name, _)| name == "le");
                if !others.into_iter().eq(&count.labels) {
                    continue;
                }
                let [(_, bound)] = bounds.as_slice() else {
                    return Err("a bucket without bound".to_owned());
                };
                let bound = number(bound)?;
                if bound <= last.0 || bucket.value < last.1 {
                    return Err("buckets that fall".to_owned());
                }
                last = (bound, bucket.value);
            }
            if last != (f64::INFINITY, count.value) {
                return Err("a count that is not the last bucket's".to_owned());
            }
            if of("_sum").filter(|sum| sum.labels == count.labels).count() != 1 {
                return Err("no sum".to_owned());
            }
        }
        Ok(())
    }
}
