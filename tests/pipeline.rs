//! What the pipeline promises of every answer, on the real model.

mod support;

use std::sync::Arc;

use futures::{StreamExt as _, stream};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use tagwerk::{
    api::convert,
    pipeline::{
        Origin, Pipeline,
        document::{Document, Features, Holder, Mention, TagOptions, TaggedDocument},
        text::{OffsetUnit, Offsets, Text},
    },
};

const ARTICLE: &str = include_str!("../examples/article-de.txt");

fn document(source: &str) -> Document {
    Document {
        id: "x".into(),
        text: Text::new(source).unwrap(),
        language: String::new(),
    }
}

async fn tag_with(source: &str, options: TagOptions) -> TaggedDocument {
    support::pipeline()
        .await
        .tag(document(source), options, &Origin::alone())
        .await
        .unwrap()
}

async fn tag(source: &str) -> TaggedDocument {
    tag_with(source, TagOptions::default()).await
}

fn surface(tagged: &TaggedDocument, mention: &Mention) -> String {
    tagged.text.slice(mention.span).to_owned()
}

/// The bytes that a caller gets.
async fn bytes(pipeline: &Pipeline, source: &str) -> Vec<u8> {
    let tagged = pipeline
        .tag(document(source), TagOptions::default(), &Origin::alone())
        .await
        .unwrap();
    prost::Message::encode_to_vec(&convert::tagged_document(&tagged, pipeline.description()))
}

/// Facts that hold for every answer, whatever the text.
fn check(tagged: &TaggedDocument) {
    let text = &tagged.text;
    let source = text.as_str();
    let points: Vec<char> = source.chars().collect();
    let units: Vec<u16> = source.encode_utf16().collect();
    let mut before = 0;
    let spans = tagged.mentions.iter().map(|m| m.span);
    let spans = spans.chain(tagged.sentences.iter().map(|s| s.span));
    let spans = spans.chain(tagged.quotes.iter().map(|q| q.span));
    for span in spans.chain(tagged.stances.iter().map(|s| s.evidence)) {
        let expected = text.slice(span);
        let range = |unit| {
            let range = Offsets::new(text, unit).convert(span);
            range.start as usize..range.end as usize
        };
        assert_eq!(&source[range(OffsetUnit::Utf8Byte)], expected);
        assert_eq!(
            points[range(OffsetUnit::CodePoint)]
                .iter()
                .collect::<String>(),
            expected
        );
        assert_eq!(
            String::from_utf16(&units[range(OffsetUnit::Utf16CodeUnit)]).unwrap(),
            expected
        );
    }
    for mention in &tagged.mentions {
        assert!(mention.span.start() >= before, "mentions overlap");
        before = mention.span.end();
        assert!(!text.slice(mention.span).trim().is_empty());
        assert!(
            !text.slice(mention.span).contains(['\n', '\r']),
            "a mention crosses a line break"
        );
        let entity = &tagged.entities[mention.entity.unwrap()];
        assert!(
            entity
                .mentions
                .iter()
                .any(|&m| tagged.mentions[m].span == mention.span)
        );
        let distribution = mention.stance.unwrap().distribution;
        let sum = distribution.favorable + distribution.neutral + distribution.unfavorable;
        assert!((sum - 1.0).abs() < 1e-4);
    }
    for stance in &tagged.stances {
        assert!(
            stance
                .evidence
                .contains(tagged.mentions[stance.target].span)
        );
        if let Holder::Mention(holder) = stance.holder {
            assert!(holder < tagged.mentions.len() && holder != stance.target);
        }
    }
    let coverage = tagged.coverage;
    assert_eq!(coverage.bytes_total, source.len());
    assert_eq!(coverage.bytes_read, source.len(), "something was not read");
}

#[tokio::test]
async fn an_article_comes_back_with_every_layer() {
    let tagged = tag(ARTICLE).await;
    check(&tagged);
    assert_eq!(tagged.language, "de");
    assert!(tagged.language_probability > 0.9);
    assert!(tagged.mentions.len() > 30);
    assert!(!tagged.stances.is_empty());
    assert_eq!(tagged.sentences.len(), 27);
    assert!(tagged.sentences.iter().all(|s| s.sentiment.is_some()));
    assert!(tagged.sentiment.is_some());
    assert!((tagged.entities.iter().map(|e| e.salience).sum::<f32>() - 1.0).abs() < 1e-4);
}

#[tokio::test]
async fn full_name_surname_and_genitive_are_one_entity() {
    let tagged = tag(ARTICLE).await;
    for (name, forms) in [
        ("Henrike Sandvoss", vec!["Henrike Sandvoss", "Sandvoss"]),
        (
            "Meral Aydoğan",
            vec!["Meral Aydoğan", "Aydoğan", "Aydoğans"],
        ),
        ("Tilman Ostrowski", vec!["Tilman Ostrowski", "Ostrowski"]),
    ] {
        let entity = tagged.entities.iter().find(|e| e.name == name);
        let entity = entity.unwrap_or_else(|| panic!("no entity {name}"));
        let found: Vec<String> = entity
            .mentions
            .iter()
            .map(|&m| surface(&tagged, &tagged.mentions[m]))
            .collect();
        for form in forms {
            assert!(
                found.iter().any(|f| f == form),
                "{form} is not among {found:?}"
            );
        }
    }
}

#[tokio::test]
async fn quotations_have_their_speakers() {
    let tagged = tag(ARTICLE).await;
    for (quotation, speaker) in [
        ("„Lithoria hat Wort gehalten", Some("Sandvoss")),
        ("„Eine so gut vorbereitete", Some("Ostrowski")),
        ("„Das Angebot ist", Some("Aydoğan")),
        ("„Wir haben Harlan Creek", None),
        ("„Magdeburg war uns", Some("Trautwein")),
    ] {
        let quote = tagged
            .quotes
            .iter()
            .find(|q| tagged.text.slice(q.span).starts_with(quotation));
        let quote = quote.unwrap_or_else(|| panic!("{quotation} was not found"));
        match (quote.speaker, speaker) {
            (Holder::Mention(index), Some(name)) => {
                let found = surface(&tagged, &tagged.mentions[index]);
                assert!(found.contains(name), "{quotation}: {found}");
            }
            (Holder::Unnamed, None) => {}
            (found, expected) => panic!("{quotation}: {found:?}, expected {expected:?}"),
        }
    }
}

#[tokio::test]
async fn only_the_layers_asked_for_are_computed() {
    let only = |features| TagOptions {
        features,
        ..TagOptions::default()
    };
    let mentions = tag_with(
        ARTICLE,
        only(Features {
            mentions: true,
            ..Features::NONE
        }),
    )
    .await;
    assert!(!mentions.mentions.is_empty() && mentions.mentions.iter().all(|m| m.stance.is_none()));
    assert!(mentions.entities.is_empty() && mentions.stances.is_empty());
    assert!(mentions.quotes.is_empty() && mentions.sentences.is_empty());
    assert!(mentions.sentiment.is_none());

    let sentiment = tag_with(
        ARTICLE,
        only(Features {
            sentiment: true,
            ..Features::NONE
        }),
    )
    .await;
    assert!(sentiment.mentions.is_empty() && !sentiment.sentences.is_empty());
    assert_eq!(sentiment.coverage.bytes_read, ARTICLE.len());

    let sentences = tag_with(
        ARTICLE,
        only(Features {
            sentences: true,
            ..Features::NONE
        }),
    )
    .await;
    assert_eq!(sentences.coverage.windows, 0);
    assert!(sentences.sentences.iter().all(|s| s.sentiment.is_none()));
}

#[tokio::test]
async fn mentions_below_the_asked_probability_are_left_out() {
    let all = tag(ARTICLE).await;
    let options = TagOptions {
        min_probability: 0.95,
        ..TagOptions::default()
    };
    let sure = tag_with(ARTICLE, options).await;
    let expected = all
        .mentions
        .iter()
        .filter(|m| m.probability >= 0.95)
        .count();
    assert!(expected < all.mentions.len());
    assert_eq!(sure.mentions.len(), expected);
    assert!(sure.stances.iter().all(|s| s.probability >= 0.95));
    check(&sure);
}

/// Texts of many lengths: single lines, paragraphs, an article, odd ones.
fn texts() -> Vec<String> {
    let lines: Vec<&str> = ARTICLE.lines().collect();
    let mut texts: Vec<String> = lines.iter().map(|l| (*l).to_owned()).collect();
    texts.extend(lines.windows(2).map(|pair| pair.join("\n")));
    texts.extend(lines[1].split(". ").map(str::to_owned));
    texts.push(ARTICLE.to_owned());
    texts.push("Kurz.".to_owned());
    texts.push("🏟️ Der 1. FC Ahlfeld gewinnt 3:1 👏🏽".to_owned());
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_gives_the_same_bytes_whatever_it_is_batched_with() {
    let pipeline = Arc::new(support::pipeline().await);
    let texts = texts();
    let mut alone = Vec::new();
    for text in &texts {
        alone.push(bytes(&pipeline, text).await);
    }
    // All at once, in other orders each time: other batches, other workers.
    for round in 0..3_usize {
        let step = [7, 11, 13][round];
        let order = (0..texts.len()).map(|i| (i * step + round) % texts.len());
        let together: Vec<(usize, Vec<u8>)> = stream::iter(order)
            .map(|i| {
                let (pipeline, text) = (&pipeline, &texts[i]);
                async move { (i, bytes(pipeline, text).await) }
            })
            .buffer_unordered(texts.len())
            .collect()
            .await;
        for (i, found) in together {
            assert_eq!(found, alone[i], "round {round}, text {i}: {:?}", texts[i]);
        }
    }
}

#[tokio::test]
async fn spans_select_their_text_in_any_unicode() {
    let name = prop::sample::select(vec![
        "Henrike Sandvoss",
        "Mu\u{308}nchen",
        "München",
        "Zoë d’Ávila",
        "ŁÓDŹ",
        "USA",
    ]);
    let odd = prop_oneof![
        any::<char>().prop_map(String::from),
        Just("👨‍👩‍👧‍👦".to_owned()),
        Just("\r\n".to_owned()),
        Just("\0".to_owned()),
        Just("שלום".to_owned()),
        Just("\u{301}\u{301}".to_owned()),
        Just(" lobte ".to_owned()),
        Just("„".to_owned()),
        Just("“. ".to_owned()),
    ];
    let part = prop_oneof![name.prop_map(str::to_owned), odd];
    let text = prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat());
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for _ in 0..150 {
        let source = text.new_tree(&mut runner).unwrap().current();
        check(&tag(&source).await);
    }
}

#[tokio::test]
async fn a_text_without_a_blank_is_read_whole() {
    let options = TagOptions {
        features: Features {
            mentions: true,
            ..Features::NONE
        },
        ..TagOptions::default()
    };
    for source in [
        "x".repeat(20_000),
        "ÄöÜ".repeat(3_000),
        "\u{200d}".repeat(2_000),
    ] {
        let tagged = tag_with(&source, options.clone()).await;
        assert_eq!(tagged.coverage.bytes_read, source.len());
    }
}

#[tokio::test]
async fn every_supported_language_is_detected_and_tagged() {
    for language in ["de", "en", "fr", "es", "it", "nl", "pl", "pt"] {
        let path = format!(
            "{}/examples/article-{language}.txt",
            env!("CARGO_MANIFEST_DIR")
        );
        let tagged = tag(&std::fs::read_to_string(path).unwrap()).await;
        check(&tagged);
        assert_eq!(tagged.language, language);
        assert!(
            tagged.mentions.len() > 5,
            "{language}: {} mentions",
            tagged.mentions.len()
        );
        assert!(!tagged.quotes.is_empty(), "{language}: no quotation");
    }
}
