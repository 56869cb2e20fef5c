//! Version 2. It has no call for the sentiment toward entities, but a place for it: it comes with the entities.

use std::collections::HashMap;

use tonic::{Request, Response, Status};

use super::{
    Language, all, answer,
    question::{Analyses, Content, NotOffered, Question, Submitted},
};
use crate::{
    api::status::{Failure, Surface},
    proto::google::language::v2::{
        self, annotate_text_request::Features, entity_mention,
        language_service_server::LanguageService,
    },
};

#[tonic::async_trait]
impl LanguageService for Language {
    async fn analyze_sentiment(
        &self,
        request: Request<v2::AnalyzeSentimentRequest>,
    ) -> Result<Response<v2::AnalyzeSentimentResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let question = question(request.document, request.encoding_type, Analyses::SENTIMENT);
        let answer = self.answer(&extensions, question).await?;
        Ok(Response::new(v2::AnalyzeSentimentResponse {
            document_sentiment: answer.sentiment.map(Into::into),
            language_code: answer.language,
            sentences: all(answer.sentences),
            language_supported: answer.language_supported,
        }))
    }

    async fn analyze_entities(
        &self,
        request: Request<v2::AnalyzeEntitiesRequest>,
    ) -> Result<Response<v2::AnalyzeEntitiesResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let analyses = Analyses::ENTITY_SENTIMENT;
        let question = question(request.document, request.encoding_type, analyses);
        let answer = self.answer(&extensions, question).await?;
        Ok(Response::new(v2::AnalyzeEntitiesResponse {
            entities: all(answer.entities),
            language_code: answer.language,
            language_supported: answer.language_supported,
        }))
    }

    async fn classify_text(
        &self,
        _: Request<v2::ClassifyTextRequest>,
    ) -> Result<Response<v2::ClassifyTextResponse>, Status> {
        Err(Failure::from(NotOffered::Categories).into_status())
    }

    async fn moderate_text(
        &self,
        _: Request<v2::ModerateTextRequest>,
    ) -> Result<Response<v2::ModerateTextResponse>, Status> {
        Err(Failure::from(NotOffered::Moderation).into_status())
    }

    async fn annotate_text(
        &self,
        request: Request<v2::AnnotateTextRequest>,
    ) -> Result<Response<v2::AnnotateTextResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let question = analyses(request.features.unwrap_or_default())
            .and_then(|analyses| question(request.document, request.encoding_type, analyses));
        let answer = self.answer(&extensions, question).await?;
        Ok(Response::new(v2::AnnotateTextResponse {
            sentences: all(answer.sentences),
            entities: all(answer.entities),
            document_sentiment: answer.sentiment.map(Into::into),
            language_code: answer.language,
            language_supported: answer.language_supported,
        }))
    }
}

fn question(
    document: Option<v2::Document>,
    encoding_type: i32,
    analyses: Analyses,
) -> Result<Question, Failure> {
    let document = document.map(Submitted::from);
    Question::new(Surface::GoogleV2, document, encoding_type, analyses)
}

fn analyses(features: Features) -> Result<Analyses, Failure> {
    let missing = [
        (features.classify_text, NotOffered::Categories),
        (features.moderate_text, NotOffered::Moderation),
    ];
    if let Some((_, missing)) = missing.into_iter().find(|(asked, _)| *asked) {
        return Err(missing.into());
    }
    Ok(Analyses {
        entities: features.extract_entities,
        entity_sentiment: features.extract_entities,
        sentiment: features.extract_document_sentiment,
    })
}

common_messages!(v2);

impl From<v2::Document> for Submitted {
    fn from(document: v2::Document) -> Self {
        Self {
            kind: document.r#type,
            content: document.source.map(Content::from),
            language: document.language_code,
        }
    }
}

impl From<answer::Entity> for v2::Entity {
    fn from(entity: answer::Entity) -> Self {
        Self {
            name: entity.name,
            r#type: entity.kind,
            metadata: HashMap::new(),
            mentions: all(entity.mentions),
            sentiment: entity.sentiment.map(Into::into),
        }
    }
}

impl From<answer::Mention> for v2::EntityMention {
    fn from(mention: answer::Mention) -> Self {
        Self {
            text: Some(mention.text.into()),
            r#type: entity_mention::Type::Proper.into(),
            sentiment: mention.sentiment.map(Into::into),
            probability: mention.probability,
        }
    }
}
