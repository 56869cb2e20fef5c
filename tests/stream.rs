//! A day's delivery through one channel.

mod support;

use std::collections::HashMap;

use tagwerk::proto::tagwerk::v1::{
    Feature, TagOptions, TagStreamRequest, tag_stream_response::Result as Answer,
};
use tokio_stream::StreamExt as _;

const ARTICLE: &str = include_str!("../examples/article-de.txt");

/// Article `number`: its own first line, so that it cannot be taken for another, then 0 to 5 sentences.
fn article(number: usize) -> String {
    let sentences: Vec<&str> = ARTICLE.split_inclusive(". ").collect();
    let from = number * 7 % sentences.len();
    let body: String = sentences
        .iter()
        .cycle()
        .skip(from)
        .take(number % 6)
        .copied()
        .collect();
    format!("Meldung {number} aus Magdeburg\n{body}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_two_thousand_articles_loses_none_and_mixes_up_none() {
    const ARTICLES: usize = 2000;
    let server = support::server().await;
    let mut client = server.client().await;
    let requests = tokio_stream::iter((0..ARTICLES).map(|number| TagStreamRequest {
        document: Some(support::document(
            &format!("article-{number}"),
            &article(number),
        )),
        options: Some(TagOptions {
            features: vec![Feature::Mentions.into(), Feature::Sentences.into()],
            ..TagOptions::default()
        }),
    }));
    let mut answers = client.tag_stream(requests).await.unwrap().into_inner();
    let mut seen = HashMap::new();
    while let Some(answer) = answers.next().await {
        let answer = answer.unwrap();
        let number: usize = answer.id.strip_prefix("article-").unwrap().parse().unwrap();
        assert_eq!(answer.sequence, number as u64);
        let Some(Answer::Document(document)) = answer.result else {
            panic!("{}: {:?}", answer.id, answer.result);
        };
        assert_eq!(document.id, answer.id);
        let source = article(number);
        let coverage = document.coverage.unwrap();
        assert_eq!(coverage.bytes_total as usize, source.len());
        assert_eq!(coverage.bytes_read, coverage.bytes_total);
        let points: Vec<char> = source.chars().collect();
        for mention in &document.mentions {
            let span = mention.span.unwrap();
            let selected: String = points[span.start as usize..span.end as usize]
                .iter()
                .collect();
            assert_eq!(selected, mention.text, "{}", answer.id);
        }
        *seen.entry(number).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), ARTICLES);
    assert!(seen.values().all(|&times| times == 1));
}
