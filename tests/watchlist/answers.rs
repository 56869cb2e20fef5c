//! What the server says of targets, on the real model.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use prost::Message as _;
use tagwerk::{
    pipeline::{
        Origin,
        document::{self, Document},
        text::Text,
        watchlist::{self, Source, Watchlists},
    },
    proto::tagwerk::v1::{
        GetInfoRequest, HolderKind, Polarity, TagOptions, TaggedDocument, Target, TargetAnswer,
        TargetType,
    },
    server::ServerConfig,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{self, TestServer, tag_with};

const ARTICLE: &str = "Lithoria baut in Kiel\n\
    Die Reederei Lithoria baut ein Werk in Kiel. „Lithoria ist ein Glücksfall für Kiel“, sagte Nora Brandt. \
    Brandts Rede dauerte lange.\n\
    Das Tempolimit ist ein Fehler, sagt Nora Brandt.";

fn target(id: &str, name: &str, target_type: TargetType) -> Target {
    Target {
        id: id.into(),
        names: vec![name.into()],
        r#type: target_type.into(),
    }
}

fn targets() -> Vec<Target> {
    vec![
        target("absent", "Wolkenheim", TargetType::Location),
        target("firm", "Lithoria", TargetType::Organization),
        target("limit", "Tempolimit", TargetType::Topic),
        target("person", "Nora Brandt", TargetType::Person),
    ]
}

async fn tagged(server: &TestServer, options: TagOptions) -> Result<TaggedDocument, Status> {
    let request = tag_with(support::document("d", ARTICLE), options);
    let answer = server.client().await.tag(request).await?;
    Ok(answer.into_inner().document.unwrap())
}

async fn answered(targets: Vec<Target>) -> TaggedDocument {
    let options = TagOptions {
        targets,
        ..TagOptions::default()
    };
    tagged(&support::server().await, options).await.unwrap()
}

fn texts(answer: &TargetAnswer) -> Vec<&str> {
    answer.spans.iter().map(|s| s.text.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_target_gets_an_answer_in_its_order() {
    let document = answered(targets()).await;
    let ids: Vec<&str> = document.targets.iter().map(|t| t.id.as_str()).collect();
    assert_eq!(ids, ["absent", "firm", "limit", "person"]);
    let absent = TargetAnswer {
        id: "absent".into(),
        ..TargetAnswer::default()
    };
    assert_eq!(document.targets[0], absent);
    assert_eq!(texts(&document.targets[1]), ["Lithoria"; 3]);
    assert_eq!(
        texts(&document.targets[3]),
        ["Nora Brandt", "Brandts", "Nora Brandt"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_named_targets_are_answered_where_that_is_asked() {
    let options = TagOptions {
        targets: targets(),
        present_targets_only: true,
        ..TagOptions::default()
    };
    let document = tagged(&support::server().await, options).await.unwrap();
    let ids: Vec<&str> = document.targets.iter().map(|t| t.id.as_str()).collect();
    assert_eq!(ids, ["firm", "limit", "person"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn prominence_says_where_a_target_is_named() {
    let document = answered(targets()).await;
    let places = document.targets[1..].iter().map(|t| {
        let prominence = t.prominence.unwrap();
        assert!(prominence.share > 0.0 && prominence.share < 1.0);
        (prominence.in_headline, prominence.in_first_paragraph)
    });
    assert_eq!(
        places.collect::<Vec<_>>(),
        [(true, true), (false, false), (false, true)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_has_a_stance_with_its_holder() {
    let document = answered(targets()).await;
    let limit = &document.targets[2];
    assert_eq!(texts(limit), ["Tempolimit"]);
    let summary = limit.stance.unwrap();
    assert_eq!(summary.polarity(), Polarity::Unfavorable);
    let [stance] = limit.stances.as_slice() else {
        panic!("one stance: {:?}", limit.stances);
    };
    assert_eq!(stance.polarity(), Polarity::Unfavorable);
    assert_eq!(stance.holder_kind(), HolderKind::Mention);
    let holder = stance.holder.unwrap() as usize;
    assert_eq!(document.mentions[holder].text, "Nora Brandt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_has_the_stance_of_the_mention_that_it_meets() {
    let document = answered(targets()).await;
    for span in document.targets.iter().flat_map(|t| &t.spans) {
        if let Some(mention) = span.mention {
            let mention = &document.mentions[mention as usize];
            assert_eq!(span.stance, mention.stance);
        }
    }
    let firm = &document.targets[1];
    assert!(firm.spans.iter().any(|span| span.mention.is_some()));
    assert!(!firm.entities.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn quotes_are_those_it_speaks_and_those_about_it() {
    let document = answered(targets()).await;
    assert_eq!(document.quotes.len(), 1);
    let quotes: Vec<_> = document.targets[1..]
        .iter()
        .map(|t| (t.quotes_of.as_slice(), t.quotes_about.as_slice()))
        .collect();
    assert_eq!(
        quotes,
        [(&[][..], &[0][..]), (&[][..], &[][..]), (&[0][..], &[][..])]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_change_nothing_else() {
    let without = answered(Vec::new()).await;
    let mut with = answered(targets()).await;
    with.targets.clear();
    assert_eq!(with.encode_to_vec(), without.encode_to_vec());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_target_is_told_with_its_field() {
    let server = support::server().await;
    let many = |count| vec!["Kiel".to_owned(); count];
    let named = |id: &str, names| Target {
        id: id.into(),
        names,
        r#type: 0,
    };
    let cases = [
        (vec![named("a", vec![])], "options.targets[0].names"),
        (vec![named("", many(1))], "options.targets[0].id"),
        (
            vec![named("a", many(1)), named("a", many(1))],
            "options.targets[1].id",
        ),
        (vec![named("a", many(65))], "options.targets[0].names"),
        (
            vec![named("a", vec!["Kiel".into(), "x".repeat(257)])],
            "options.targets[0].names[1]",
        ),
        (
            vec![named("a", vec!["!?".into()])],
            "options.targets[0].names[0]",
        ),
        (
            vec![Target {
                r#type: 77,
                ..named("a", many(1))
            }],
            "options.targets[0].type",
        ),
        (
            (0..10_001)
                .map(|i| named(&i.to_string(), many(1)))
                .collect(),
            "options.targets",
        ),
    ];
    for (targets, field) in cases {
        let options = TagOptions {
            targets,
            ..TagOptions::default()
        };
        assert_refused(tagged(&server, options).await, field);
    }
    let options = TagOptions {
        watchlist: "unknown".into(),
        ..TagOptions::default()
    };
    assert_refused(tagged(&server, options).await, "options.watchlist");
}

fn assert_refused(answer: Result<TaggedDocument, Status>, field: &str) {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    assert_eq!(violations[0].field, field);
}

/// A server that knows a list by name, and the file of the list.
async fn server_with_list(name: &str, content: &str) -> (TestServer, std::path::PathBuf) {
    let file = format!("tagwerk-{name}-{}.csv", std::process::id());
    let path = std::env::temp_dir().join(file);
    std::fs::write(&path, content).unwrap();
    let source = Source {
        name: "places".into(),
        path: path.clone(),
    };
    let lists = Watchlists::open(vec![source]).unwrap();
    let pipeline = support::pipeline().await.with_watchlists(lists);
    let server = support::start(support::config(), async { Ok(pipeline) }).await;
    server.until_ready().await;
    (server, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_the_server_is_answered_behind_the_targets_of_the_request() {
    let (server, _) = server_with_list("union", "id,names,type\nkiel,Kiel,location\n").await;
    let options = |id: &str| TagOptions {
        targets: vec![target(id, "Lithoria", TargetType::Organization)],
        watchlist: "places".into(),
        ..TagOptions::default()
    };
    let document = tagged(&server, options("firm")).await.unwrap();
    let answers = document.targets.iter();
    let answers: Vec<_> = answers.map(|t| (t.id.as_str(), t.spans.len())).collect();
    assert_eq!(answers, [("firm", 3), ("kiel", 3)]);
    let refused = tagged(&server, options("kiel")).await;
    assert_refused(refused, "options.targets[0].id");
    let info = server.client().await.get_info(GetInfoRequest {}).await;
    let lists = info.unwrap().into_inner().watchlists;
    assert_eq!((lists[0].name.as_str(), lists[0].targets), ("places", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_list_is_taken_up() {
    let config = ServerConfig {
        watch: Some(Duration::from_millis(20)),
        ..support::config()
    };
    let path = std::env::temp_dir().join(format!("tagwerk-changed-{}.csv", std::process::id()));
    std::fs::write(&path, "id,names\na,Kiel\n").unwrap();
    let source = Source {
        name: "places".into(),
        path: path.clone(),
    };
    let lists = Watchlists::open(vec![source]).unwrap();
    let pipeline = support::pipeline().await.with_watchlists(lists.clone());
    let server = support::start(config, async { Ok(pipeline) }).await;
    server.until_ready().await;
    std::fs::write(&path, "id,names\na,Kiel\nb,Lithoria\n").unwrap();
    support::until("the new list", || async { lists.sizes()[0].1 == 2 }).await;
    let options = TagOptions {
        watchlist: "places".into(),
        ..TagOptions::default()
    };
    assert_eq!(tagged(&server, options).await.unwrap().targets.len(), 2);
}

/// What 10,000 names cost beside tagging: `cargo test --test watchlist -- --ignored --nocapture what_a_list`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, and wants the machine for itself"]
async fn what_a_list_of_ten_thousand_names_costs() {
    let article = include_str!("../../examples/article-de.txt");
    let text = Text::new(article.repeat(4)).unwrap();
    // Names that begin as the article's own words do are the dearest.
    let words: Vec<&str> = article
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| word.len() > 3 && word.starts_with(char::is_uppercase))
        .collect();
    let targets = (0..10_000).map(|i| watchlist::Target {
        id: i.to_string(),
        names: vec![format!(
            "{} {}",
            words[i % words.len()],
            words[i * 7 % words.len()]
        )],
        target_type: watchlist::TargetType::Any,
    });
    let began = Instant::now();
    let list = Arc::new(watchlist::Watchlist::new(targets.collect()).unwrap());
    let preparing = began.elapsed();
    let pipeline = support::pipeline().await;
    let tag = |watch| {
        let document = Document {
            id: String::new(),
            text: text.clone(),
            language: "de".into(),
        };
        let options = document::TagOptions {
            watch,
            ..document::TagOptions::default()
        };
        let pipeline = pipeline.clone();
        async move {
            let began = Instant::now();
            pipeline
                .tag(document, options, &Origin::alone())
                .await
                .unwrap();
            began.elapsed()
        }
    };
    let watch = document::Watch {
        lists: vec![Arc::clone(&list)],
        present_only: false,
    };
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        without.push(tag(document::Watch::default()).await);
        with.push(tag(watch.clone()).await);
    }
    let began = Instant::now();
    let found = list.find(&text, "de").len();
    let finding = began.elapsed();
    with.sort();
    without.sort();
    eprintln!(
        "{} bytes, {found} found: prepared once in {preparing:?}, found in {finding:?}; \
         tagging {:?} without, {:?} with the list (medians of 7)",
        text.len(),
        without[3],
        with[3]
    );
    assert!(finding < without[3] / 20);
}
