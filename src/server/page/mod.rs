//! The page: an article goes in, its tagged spans are shown. Its files are part of the program and refer to nothing
//! outside this server; their code makes the same calls as every client.

use std::sync::Arc;

use axum::{
    Router,
    response::IntoResponse,
    routing::{MethodRouter, get},
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use sha2::{Digest as _, Sha256};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const SVG: &str = "image/svg+xml";
const WOFF2: &str = "font/woff2";

/// What the page may do: load its own files and call its own server. Nothing in its HTML runs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
                      img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// One file of the page.
struct File {
    path: &'static str,
    media: &'static str,
    content: &'static [u8],
}

macro_rules! file {
    ($path:expr, $media:expr, $file:expr) => {
        File {
            path: $path,
            media: $media,
            content: include_bytes!($file),
        }
    };
}

macro_rules! example {
    ($language:literal) => {
        file!(
            concat!("/page/examples/", $language, ".txt"),
            TEXT,
            concat!("../../../examples/article-", $language, ".txt")
        )
    };
}

const FILES: &[File] = &[
    file!("/", HTML, "assets/index.html"),
    file!("/page/page.css", CSS, "assets/page.css"),
    file!("/page/icon.svg", SVG, "assets/icon.svg"),
    file!(
        "/page/fonts/newsreader-latin.woff2",
        WOFF2,
        "assets/fonts/newsreader-latin.woff2"
    ),
    file!(
        "/page/fonts/newsreader-latin-ext.woff2",
        WOFF2,
        "assets/fonts/newsreader-latin-ext.woff2"
    ),
    file!(
        "/page/fonts/instrument-sans-latin.woff2",
        WOFF2,
        "assets/fonts/instrument-sans-latin.woff2"
    ),
    example!("de"),
    example!("en"),
    example!("fr"),
    example!("es"),
    example!("it"),
    example!("nl"),
    example!("pl"),
    example!("pt"),
    file!("/page/page.js", JAVASCRIPT, "assets/page.js"),
    file!("/page/article.js", JAVASCRIPT, "assets/article.js"),
    file!("/page/arrows.js", JAVASCRIPT, "assets/arrows.js"),
    file!("/page/call.js", JAVASCRIPT, "assets/call.js"),
    file!("/page/dom.js", JAVASCRIPT, "assets/dom.js"),
    file!("/page/findings.js", JAVASCRIPT, "assets/findings.js"),
    file!("/page/messages.js", JAVASCRIPT, "assets/messages.js"),
    file!("/page/wire.js", JAVASCRIPT, "assets/wire.js"),
    file!("/page/words.js", JAVASCRIPT, "assets/words.js"),
];

/// The routes of the page's files.
pub fn router() -> Router {
    FILES.iter().fold(Router::new(), |router, file| {
        router.route(file.path, answer(file))
    })
}

fn answer(file: &'static File) -> MethodRouter {
    let tag: Arc<str> = format!("\"{:.32x}\"", Sha256::digest(file.content)).into();
    get(move |headers: HeaderMap| async move {
        let known = headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().trim_start_matches("W/") == &*tag);
        let common = [
            (ETAG, HeaderValue::from_str(&tag).ok()),
            // Asked for each time, and rarely sent again: after an update nothing old is left.
            (CACHE_CONTROL, Some(HeaderValue::from_static("no-cache"))),
            (
                CONTENT_SECURITY_POLICY,
                Some(HeaderValue::from_static(POLICY)),
            ),
            (
                REFERRER_POLICY,
                Some(HeaderValue::from_static("no-referrer")),
            ),
            (
                X_CONTENT_TYPE_OPTIONS,
                Some(HeaderValue::from_static("nosniff")),
            ),
        ];
        let common: HeaderMap = common
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        if known {
            return (StatusCode::NOT_MODIFIED, common).into_response();
        }
        let media = [(CONTENT_TYPE, HeaderValue::from_static(file.media))];
        (common, media, file.content).into_response()
    })
}
