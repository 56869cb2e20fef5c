//! From a document to tagged spans: language, sentences, windows, and from what the engine reads in them to
//! mentions, entities, stances, quotations and sentiment.
//!
//! Nothing here knows gRPC or tensors.

pub mod clauses;
pub mod document;
pub mod duplicates;
pub mod entities;
pub mod error;
pub mod html;
pub mod language;
pub mod quotes;
pub mod sentences;
pub mod stances;
pub mod text;
pub mod types;
pub mod watchlist;
pub mod windows;
pub mod words;

mod assembly;
mod passes;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use futures::{StreamExt as _, stream::FuturesOrdered};
use tokio::time::Instant;

use crate::{
    cache::Cache,
    engine::{Batch, Engine, EngineError, Lane, Ticket},
    model::{Description, Distribution, Heads, Reading, Source, Window, hugging_face::Target},
    telemetry::traces::Trace,
};

use assembly::Assembly;
use document::{Document, Features, TagOptions, TaggedDocument};
use error::TagError;
use passes::Passes;
use stances::Candidates;
use text::{Span, Text};
use watchlist::Watchlists;
use windows::{Piece, Purpose, Windower};

/// Windows of one document that wait in the engine at a time: enough to fill the workers' batches, few enough
/// that a long document neither fills memory nor shuts out others.
const WINDOWS_IN_FLIGHT: usize = 32;

/// Windows that are made at a time.
const WINDOWS_AT_A_TIME: usize = 16;

/// Bytes of text that make a token, at least; news has four to five.
pub const BYTES_PER_TOKEN: usize = 4;

/// Tokens of a single call that goes through the express lane: a few sentences.
const EXPRESS_TOKENS: usize = 256;

/// How much longer an answer may take than foreseen before a call with a deadline is refused: the pace varies.
const MARGIN: f64 = 1.35;

/// Who asks, and until when it is worth answering.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Callers share the encoder in equal parts, whatever each has waiting.
    pub caller: Arc<str>,
    /// When the caller stops waiting.
    pub deadline: Option<Instant>,
    /// Where it is recorded what the answer's time is spent on.
    pub trace: Trace,
}

impl Origin {
    /// Somebody who has the pipeline to himself and time.
    pub fn alone() -> Self {
        Self {
            caller: Arc::from(""),
            deadline: None,
            trace: Trace::default(),
        }
    }

    fn ticket(&self, lane: Lane) -> Ticket {
        Ticket {
            caller: Arc::clone(&self.caller),
            lane,
            deadline: self.deadline,
        }
    }
}

/// What a pipeline accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest text in bytes.
    pub max_document_bytes: usize,
    /// Longest window in tokens.
    pub max_window_tokens: usize,
    /// Tokens that may wait for the encoder.
    pub queue_tokens: usize,
    /// Worker threads.
    pub workers: usize,
}

/// An engine, and what is remembered of its readings. A clone shares both.
#[derive(Debug, Clone)]
pub struct Reader {
    engine: Arc<Engine>,
    cache: Option<Cache>,
}

/// Tags documents. A clone shares the engines.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Finds the mentions.
    reader: Reader,
    /// Judges them, where another model does.
    judge: Option<Reader>,
    /// Of a model that is put together of others.
    description: Option<Arc<Description>>,
    /// The other models that a request may name.
    others: Arc<BTreeMap<String, Pipeline>>,
    watchlists: Watchlists,
    max_document_bytes: usize,
}

/// What the model says of spans that are given to it.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// The stance toward each span; `None` for one that holds no word.
    pub polarities: Vec<Option<Distribution>>,
    /// The holders of each: author, unnamed, and the other spans of the same window.
    pub holders: Vec<Option<Candidates>>,
}

impl Pipeline {
    /// Puts a pipeline in front of an engine.
    pub fn new(engine: Arc<Engine>, max_document_bytes: usize) -> Self {
        Self {
            reader: Reader {
                engine,
                cache: None,
            },
            judge: None,
            description: None,
            others: Arc::default(),
            watchlists: Watchlists::default(),
            max_document_bytes,
        }
    }

    /// A pipeline of which one model finds the mentions and perhaps another judges them.
    pub fn of_parts(
        description: Description,
        reader: Reader,
        judge: Option<Reader>,
        max_document_bytes: usize,
    ) -> Self {
        Self {
            reader,
            judge,
            description: Some(Arc::new(description)),
            others: Arc::default(),
            watchlists: Watchlists::default(),
            max_document_bytes,
        }
    }

    /// Adds the models that a request may name, each under its name.
    #[must_use]
    pub fn with_models(mut self, models: BTreeMap<String, Self>) -> Self {
        self.others = Arc::new(models);
        self
    }

    /// The pipeline of a model by its name; the empty name is that of the default.
    ///
    /// # Errors
    /// The names that there are.
    pub fn of_model(&self, name: &str) -> Result<&Self, Vec<&str>> {
        let own = self.description().name.as_str();
        if name.is_empty() || name == own {
            return Ok(self);
        }
        self.others.get(name).ok_or_else(|| {
            let others = self.others.keys().map(String::as_str);
            std::iter::once(own).chain(others).collect()
        })
    }

    /// This pipeline and those of the other models, this one first.
    pub fn models(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.others.values())
    }

    /// The engine that finds the mentions, with its cache.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The layers that the model can give.
    pub fn layers(&self) -> Features {
        let has_package = self.reader.is_package() || self.judge.iter().any(Reader::is_package);
        Features {
            stances: self.judge.is_some() || self.reader.is_package(),
            sentiment: has_package,
            ..Features::default()
        }
    }

    /// Looks windows up in a cache before they go to the engine. The cache must be of the engine's package.
    #[must_use]
    pub fn with_cache(mut self, cache: Cache) -> Self {
        self.reader.cache = Some(cache);
        self
    }

    /// Knows these watchlists by name.
    #[must_use]
    pub fn with_watchlists(mut self, watchlists: Watchlists) -> Self {
        self.watchlists = watchlists;
        self
    }

    /// The watchlists that are known by name.
    pub fn watchlists(&self) -> &Watchlists {
        &self.watchlists
    }

    /// What the model says of itself.
    pub fn description(&self) -> &Description {
        match &self.description {
            Some(description) => description,
            None => self.reader.engine.source().description(),
        }
    }

    /// What is accepted.
    pub fn limits(&self) -> Limits {
        Limits {
            max_document_bytes: self.max_document_bytes,
            max_window_tokens: self.reader.engine.source().windows().max_tokens,
            queue_tokens: self.reader.engine.settings().queue_tokens,
            workers: self.reader.engine.settings().workers,
        }
    }

    /// Tags a document, or refuses it where the queue is full or the deadline cannot be met. A short text goes
    /// through the express lane.
    ///
    /// # Errors
    /// As [`tag`](Self::tag), and [`TagError::Overloaded`], [`TagError::TooLate`].
    pub async fn try_tag(
        &self,
        document: Document,
        options: TagOptions,
        origin: &Origin,
    ) -> Result<TaggedDocument, TagError> {
        let tokens = (document.text.len() / BYTES_PER_TOKEN).max(1);
        let lane = if tokens <= EXPRESS_TOKENS {
            Lane::Express
        } else {
            Lane::Bulk
        };
        let ticket = origin.ticket(lane);
        // The longest documents may start while half of the tokens are free, or they never could.
        let engine = &self.reader.engine;
        let most = (engine.settings().queue_tokens / 2).max(1);
        let retry_after = || engine.retry_after();
        let Some(_admitted) = engine.admit(tokens.min(most), &ticket) else {
            let retry_after = retry_after();
            return Err(TagError::Overloaded { retry_after });
        };
        if let (Some(deadline), Some(time)) = (ticket.deadline, engine.time_for(tokens, &ticket))
            && Instant::now() + time.mul_f64(MARGIN) > deadline
        {
            let retry_after = retry_after();
            return Err(TagError::TooLate { time, retry_after });
        }
        self.tag_with(document, options, ticket, &origin.trace)
            .await
    }

    /// Tags a document; waits while the queue is full. Dropping the future takes the document's windows out of
    /// the queue.
    ///
    /// # Errors
    /// [`TagError`].
    pub async fn tag(
        &self,
        document: Document,
        options: TagOptions,
        origin: &Origin,
    ) -> Result<TaggedDocument, TagError> {
        self.tag_with(document, options, origin.ticket(Lane::Bulk), &origin.trace)
            .await
    }

    /// Tags a document as a part of a trace.
    async fn tag_with(
        &self,
        document: Document,
        options: TagOptions,
        ticket: Ticket,
        trace: &Trace,
    ) -> Result<TaggedDocument, TagError> {
        let mut part = trace.begin("document");
        part.set("tagwerk.document.bytes", document.text.len());
        let tagged = self
            .tag_within(document, options, ticket, &part.trace())
            .await;
        match &tagged {
            Ok(tagged) => part.set("tagwerk.windows", tagged.coverage.windows),
            Err(error) => part.fail(error.kind()),
        }
        tagged
    }

    async fn tag_within(
        &self,
        document: Document,
        mut options: TagOptions,
        ticket: Ticket,
        trace: &Trace,
    ) -> Result<TaggedDocument, TagError> {
        let bytes = document.text.len();
        if bytes > self.max_document_bytes {
            let limit = self.max_document_bytes;
            return Err(TagError::TooLarge { bytes, limit });
        }
        options.features = options.features.closed().within(self.layers());
        let features = options.features;
        let supported = &self.description().languages;
        let given = match document.language.as_str() {
            "" => None,
            tag => Some(language::primary(tag, supported)?),
        };
        let (text, supported) = (document.text.clone(), supported.clone());
        let (language, sentences) = blocking(move || {
            let language = match given {
                Some(language) => language::Detected {
                    language,
                    probability: 1.0,
                },
                None => language::detect(text.as_str(), &supported),
            };
            let sentences = sentences::sentences(&text, &language.language);
            Ok((language, sentences))
        })
        .await?;
        let sentences = Arc::new(sentences);
        let (occurrences, watched) = if options.watch.is_empty() {
            Default::default()
        } else {
            let (watch, text) = (options.watch.clone(), document.text.clone());
            let language = language.language.clone();
            blocking(move || {
                let occurrences = watch.find(&text, &language);
                let watched = watchlist::places(&occurrences);
                Ok((occurrences, Arc::new(watched)))
            })
            .await?
        };
        let has_tone = self.reader.is_package();
        let heads = Heads {
            ner: features.mentions,
            stance: features.stances && self.judge.is_none(),
            tone: features.sentiment && has_tone,
        };
        let purpose = Purpose {
            heads,
            targets: None,
            watched: Arc::clone(&watched),
        };
        let text = &document.text;
        let mut assembly = Assembly::new(
            text.clone(),
            Arc::clone(&sentences),
            options,
            occurrences,
            watched,
        );
        let take = |piece, reading| assembly.add(&piece, reading);
        self.reader
            .read(text, &sentences, purpose, ticket.clone(), trace, take)
            .await?;
        if let Some(judge) = &self.judge {
            let wanted = Heads {
                ner: false,
                stance: features.stances,
                tone: features.sentiment && !has_tone,
            };
            let assembly = &mut assembly;
            match judge.is_package() {
                true => {
                    let is_first = heads == Heads::default();
                    let purpose = Purpose {
                        heads: wanted,
                        targets: Some(Arc::new(assembly.mention_spans())),
                        watched: Arc::default(),
                    };
                    let take = |piece: Piece, reading: Reading| {
                        if is_first {
                            assembly.add(&piece, reading);
                        } else {
                            assembly.judge(&piece, &reading);
                        }
                    };
                    judge
                        .read(text, &sentences, purpose, ticket, trace, take)
                        .await?;
                }
                false if wanted.stance => {
                    let spans = assembly.mention_spans();
                    let take = |index, polarity| assembly.set_polarity(index, polarity);
                    judge
                        .ask(text, &sentences, spans, ticket, trace, take)
                        .await?;
                }
                false => {}
            }
        }
        let read = Instant::now();
        let tagged = blocking(move || Ok(assembly.finish(document.id, language, read))).await;
        trace.record("decode", read, Instant::now(), &[]);
        tagged
    }

    /// Judges spans of a text as if they were the mentions found in it: the stance toward each and its holder.
    /// The spans are ascending and do not overlap.
    ///
    /// # Errors
    /// [`TagError`].
    pub async fn judge(
        &self,
        text: &Text,
        language: &str,
        spans: Vec<Span>,
    ) -> Result<Judged, TagError> {
        let sentences = Arc::new(sentences::sentences(text, language));
        let mut judged = Judged {
            polarities: vec![None; spans.len()],
            holders: vec![None; spans.len()],
        };
        let purpose = Purpose {
            heads: Heads {
                stance: true,
                ..Heads::default()
            },
            targets: Some(Arc::new(spans)),
            watched: Arc::default(),
        };
        let take = |piece: Piece, reading: Reading| {
            for (&index, mention) in piece.targets.iter().zip(&reading.mentions) {
                let Some(stance) = &mention.stance else {
                    continue;
                };
                let candidates =
                    assembly::candidates(stance, |local| piece.targets.get(local).copied());
                if let Some(slot) = judged.polarities.get_mut(index) {
                    *slot = Some(stance.polarity);
                }
                if let Some(slot) = judged.holders.get_mut(index) {
                    *slot = Some(candidates);
                }
            }
        };
        let (ticket, trace) = (Ticket::alone(), Trace::default());
        self.reader
            .read(text, &sentences, purpose, ticket, &trace, take)
            .await?;
        Ok(judged)
    }
}

impl Reader {
    /// Another engine, with the same cache for its own model.
    #[must_use]
    pub fn with_engine(&self, engine: Arc<Engine>, model: crate::cache::Model) -> Self {
        let cache = self.cache.as_ref().map(|cache| cache.of_model(model));
        Self { engine, cache }
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Whether it is a model package that reads.
    fn is_package(&self) -> bool {
        matches!(self.engine.source(), Source::Package(_))
    }

    /// Asks a model of stances about each span and hands over what it says, in order. A span that is too long for the
    /// model is left out.
    async fn ask(
        &self,
        text: &Text,
        sentences: &Arc<Vec<Span>>,
        spans: Vec<Span>,
        ticket: Ticket,
        trace: &Trace,
        mut take: impl FnMut(usize, Distribution),
    ) -> Result<(), TagError> {
        let mut passes = Passes::new(trace.clone());
        let mut in_flight = FuturesOrdered::new();
        let mut made: VecDeque<(usize, Window)> = VecDeque::new();
        let mut next = 0;
        let spans = Arc::new(spans);
        loop {
            if made.is_empty() && next < spans.len() {
                let own = (
                    self.engine.source().clone(),
                    text.clone(),
                    Arc::clone(sentences),
                    Arc::clone(&spans),
                );
                let last = spans.len().min(next + WINDOWS_AT_A_TIME);
                let range = next..last;
                made = blocking(move || {
                    let (source, text, sentences, spans) = own;
                    questions(&source, &text, &sentences, &spans, range)
                })
                .await?;
                next = last;
            }
            while in_flight.len() < WINDOWS_IN_FLIGHT
                && let Some((index, window)) = made.pop_front()
            {
                let ticket = ticket.clone();
                passes.ask();
                in_flight.push_back(async move { (index, self.read_window(window, ticket).await) });
            }
            match in_flight.next().await {
                Some((index, answer)) => {
                    let (reading, batch) = answer.map_err(tag_error)?;
                    passes.answer(batch);
                    let stance = reading.mentions.first().and_then(|m| m.stance.as_ref());
                    if let Some(stance) = stance {
                        take(index, stance.polarity);
                    }
                }
                None if next == spans.len() && made.is_empty() => return Ok(()),
                None => {}
            }
        }
    }

    /// Puts the windows of a text through the engine and hands over each with its reading, in order.
    async fn read(
        &self,
        text: &Text,
        sentences: &Arc<Vec<Span>>,
        purpose: Purpose,
        ticket: Ticket,
        trace: &Trace,
        mut take: impl FnMut(Piece, Reading),
    ) -> Result<(), TagError> {
        if purpose.heads == Heads::default() {
            return Ok(());
        }
        let source = self.engine.source();
        let mut windower = Windower::new(
            text.clone(),
            Arc::clone(sentences),
            purpose,
            source.windows(),
            source.special_tokens(),
        );
        let mut made: VecDeque<Piece> = VecDeque::new();
        let mut in_flight = FuturesOrdered::new();
        let mut passes = Passes::new(trace.clone());
        let mut exhausted = false;
        loop {
            if made.is_empty()
                && !exhausted
                && in_flight.len() <= WINDOWS_IN_FLIGHT - WINDOWS_AT_A_TIME
            {
                let source = source.clone();
                let (pieces, back) = blocking(move || {
                    let pieces = windower.next_pieces(source.tokenizer(), WINDOWS_AT_A_TIME);
                    let pieces = pieces.map_err(|e| TagError::Inference(e.to_string()))?;
                    Ok((pieces, windower))
                })
                .await?;
                windower = back;
                exhausted = pieces.len() < WINDOWS_AT_A_TIME;
                made.extend(pieces);
            }
            while in_flight.len() < WINDOWS_IN_FLIGHT
                && let Some(mut piece) = made.pop_front()
            {
                let window = std::mem::take(&mut piece.window);
                let ticket = ticket.clone();
                passes.ask();
                in_flight.push_back(async move { (piece, self.read_window(window, ticket).await) });
            }
            match in_flight.next().await {
                Some((piece, answer)) => {
                    let (reading, batch) = answer.map_err(tag_error)?;
                    passes.answer(batch);
                    take(piece, reading);
                }
                None if exhausted => return Ok(()),
                None => {}
            }
        }
    }

    /// The reading of a window, remembered or new; a new one comes with its batch.
    async fn read_window(
        &self,
        window: Window,
        ticket: Ticket,
    ) -> Result<(Reading, Option<Batch>), EngineError> {
        let cache = self.cache.as_ref().map(|cache| (cache, cache.key(&window)));
        if let Some((cache, key)) = &cache
            && let Some(reading) = cache.get(key, &window).await
        {
            return Ok((reading, None));
        }
        let (reading, batch) = self.engine.read(window, ticket).await?;
        if let Some((cache, key)) = cache {
            cache.put(key, &reading);
        }
        Ok((reading, Some(batch)))
    }
}

/// The windows that ask about some of the spans, each with the index of its span.
fn questions(
    source: &Source,
    text: &Text,
    sentences: &[Span],
    spans: &[Span],
    range: std::ops::Range<usize>,
) -> Result<VecDeque<(usize, Window)>, TagError> {
    let Source::Checkpoint(checkpoint) = source else {
        return Ok(VecDeque::new());
    };
    let mut made = VecDeque::new();
    for (index, &span) in spans.iter().enumerate().take(range.end).skip(range.start) {
        let sentence = sentences.partition_point(|s| s.end() <= span.start());
        let sentence = match sentences.get(sentence) {
            Some(&sentence) if sentence.contains(span) => sentence,
            _ => span,
        };
        let target = Target {
            before: text.slice(text.span_around(sentence.start()..span.start())),
            target: text.slice(span),
            after: text.slice(text.span_around(span.end()..sentence.end())),
        };
        let window = checkpoint.ask(target);
        let window = window.map_err(|e| TagError::Inference(e.to_string()))?;
        made.extend(window.map(|window| (index, window)));
    }
    Ok(made)
}

fn tag_error(error: EngineError) -> TagError {
    match error {
        EngineError::Failed(message) => TagError::Inference(message),
        EngineError::Expired => TagError::Expired,
        EngineError::Stopped => TagError::Stopped,
    }
}

/// Runs work that takes milliseconds where it holds up no other call.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TagError> + Send + 'static,
) -> Result<T, TagError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => Err(TagError::Inference(
            "the pipeline failed on this text".to_owned(),
        )),
        Err(_) => Err(TagError::Stopped),
    }
}
