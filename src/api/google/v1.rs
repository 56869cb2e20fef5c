//! Version 1.

use std::collections::HashMap;

use tonic::{Request, Response, Status};

use super::{
    Language, all, answer,
    question::{Analyses, Content, NotOffered, Question, Submitted},
};
use crate::{
    api::status::{Failure, Surface},
    proto::google::language::v1::{
        self, annotate_text_request::Features, entity_mention,
        language_service_server::LanguageService,
    },
};

#[tonic::async_trait]
impl LanguageService for Language {
    async fn analyze_sentiment(
        &self,
        request: Request<v1::AnalyzeSentimentRequest>,
    ) -> Result<Response<v1::AnalyzeSentimentResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let question = question(request.document, request.encoding_type, Analyses::SENTIMENT);
        let answer = self.answer(&extensions, question).await?;
        Ok(Response::new(v1::AnalyzeSentimentResponse {
            document_sentiment: answer.sentiment.map(Into::into),
            language: answer.language,
            sentences: all(answer.sentences),
        }))
    }

    async fn analyze_entities(
        &self,
        request: Request<v1::AnalyzeEntitiesRequest>,
    ) -> Result<Response<v1::AnalyzeEntitiesResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let question = question(request.document, request.encoding_type, Analyses::ENTITIES);
        let answer = self.answer(&extensions, question).await?;
        Ok(Response::new(v1::AnalyzeEntitiesResponse {
            entities: all(answer.entities),
            language: answer.language,
        }))
    }

    async fn analyze_entity_sentiment(
        &self,
        request: Request<v1::AnalyzeEntitySentimentRequest>,
    ) -> Result<Response<v1::AnalyzeEntitySentimentResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let analyses = Analyses::ENTITY_SENTIMENT;
        let question = question(request.document, request.encoding_type, analyses);
        let answer = self.answer(&extensions, question).await?;
        Ok(Response::new(v1::AnalyzeEntitySentimentResponse {
            entities: all(answer.entities),
            language: answer.language,
        }))
    }

    async fn analyze_syntax(
        &self,
        _: Request<v1::AnalyzeSyntaxRequest>,
    ) -> Result<Response<v1::AnalyzeSyntaxResponse>, Status> {
        Err(Failure::from(NotOffered::Syntax).into_status())
    }

    async fn classify_text(
        &self,
        _: Request<v1::ClassifyTextRequest>,
    ) -> Result<Response<v1::ClassifyTextResponse>, Status> {
        Err(Failure::from(NotOffered::Categories).into_status())
    }

    async fn moderate_text(
        &self,
        _: Request<v1::ModerateTextRequest>,
    ) -> Result<Response<v1::ModerateTextResponse>, Status> {
        Err(Failure::from(NotOffered::Moderation).into_status())
    }

    async fn annotate_text(
        &self,
        request: Request<v1::AnnotateTextRequest>,
    ) -> Result<Response<v1::AnnotateTextResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let question = analyses(request.features.unwrap_or_default())
            .and_then(|analyses| question(request.document, request.encoding_type, analyses));
        let answer = self.answer(&extensions, question).await?;
        Ok(Response::new(v1::AnnotateTextResponse {
            sentences: all(answer.sentences),
            entities: all(answer.entities),
            document_sentiment: answer.sentiment.map(Into::into),
            language: answer.language,
        }))
    }
}

fn question(
    document: Option<v1::Document>,
    encoding_type: i32,
    analyses: Analyses,
) -> Result<Question, Failure> {
    let document = document.map(Submitted::from);
    Question::new(Surface::GoogleV1, document, encoding_type, analyses)
}

fn analyses(features: Features) -> Result<Analyses, Failure> {
    let missing = [
        (features.extract_syntax, NotOffered::Syntax),
        (features.classify_text, NotOffered::Categories),
        (features.moderate_text, NotOffered::Moderation),
    ];
    if let Some((_, missing)) = missing.into_iter().find(|(asked, _)| *asked) {
        return Err(missing.into());
    }
    Ok(Analyses {
        entities: features.extract_entities,
        entity_sentiment: features.extract_entity_sentiment,
        sentiment: features.extract_document_sentiment,
    })
}

common_messages!(v1);

impl From<v1::Document> for Submitted {
    fn from(document: v1::Document) -> Self {
        Self {
            kind: document.r#type,
            content: document.source.map(Content::from),
            language: document.language,
        }
    }
}

impl From<answer::Entity> for v1::Entity {
    fn from(entity: answer::Entity) -> Self {
        Self {
            name: entity.name,
            r#type: entity.kind,
            metadata: HashMap::new(),
            salience: entity.salience,
            mentions: all(entity.mentions),
            sentiment: entity.sentiment.map(Into::into),
        }
    }
}

impl From<answer::Mention> for v1::EntityMention {
    fn from(mention: answer::Mention) -> Self {
        Self {
            text: Some(mention.text.into()),
            r#type: entity_mention::Type::Proper.into(),
            sentiment: mention.sentiment.map(Into::into),
        }
    }
}
