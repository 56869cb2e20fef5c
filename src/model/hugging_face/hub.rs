//! Fetches the files of a model from a hub, once.
//!
//! They are kept as Hugging Face's own clients keep them, `models--OWNER--NAME/snapshots/COMMIT/FILE` with the commit of
//! a branch in `refs/BRANCH`, so that either finds what the other has fetched. A commit that is here is never asked for
//! again; a branch is, and what is here of it is used where the hub is not to be reached.

use std::{
    env, fs,
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use http::{HeaderMap, Uri, header};
use sha2::{Digest, Sha256};
use ureq::{Agent, Body, http::Response};

use super::files;
use crate::model::ModelError;

/// The hub that is asked where none is set.
const ENDPOINT: &str = "https://huggingface.co";

/// The branch where none is named.
const BRANCH: &str = "main";

/// What says which commit a file is of.
const COMMIT: &str = "x-repo-commit";

/// The tag of a file that lies elsewhere: its SHA-256.
const LINKED_TAG: &str = "x-linked-etag";

/// Redirects that are followed for one file.
const REDIRECTS: usize = 5;

/// Time to connect.
const CONNECT: Duration = Duration::from_secs(10);

/// Time until the first bytes of an answer.
const ANSWER: Duration = Duration::from_secs(30);

/// Time for a whole file.
const FILE: Duration = Duration::from_secs(3600);

/// Largest file that is no weights.
const MAX_SMALL_BYTES: u64 = 256 << 20;

/// Largest file of weights.
const MAX_WEIGHTS_BYTES: u64 = 64 << 30;

/// Where models are fetched from, and where they are kept.
#[derive(Debug, Clone)]
pub struct Hub {
    endpoint: String,
    token: Option<String>,
    cache: PathBuf,
    offline: bool,
}

impl Hub {
    /// The hub that the environment names, by the variables of Hugging Face's own clients: `HF_ENDPOINT`, `HF_TOKEN`,
    /// `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`, `HF_HUB_OFFLINE`.
    pub fn of_environment() -> Self {
        Self::new(|name| env::var(name).ok())
    }

    fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let home = || {
            let cache = given("XDG_CACHE_HOME").map(PathBuf::from);
            let cache = cache.or_else(|| Some(PathBuf::from(given("HOME")?).join(".cache")));
            cache.unwrap_or_else(env::temp_dir).join("huggingface")
        };
        let cache = given("HF_HUB_CACHE").map(PathBuf::from).unwrap_or_else(|| {
            given("HF_HOME")
                .map_or_else(home, PathBuf::from)
                .join("hub")
        });
        let endpoint = given("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let offline = given("HF_HUB_OFFLINE").is_some_and(|value| {
            ["1", "on", "yes", "true"].contains(&value.to_ascii_lowercase().as_str())
        });
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: given("HF_TOKEN"),
            cache,
            offline,
        }
    }

    /// The directory of a model, fetched where it is not here. Blocks.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for an id or a revision that is none; [`ModelError::Hub`] where the model is not here and
    /// cannot be fetched; [`ModelError::Io`] where it cannot be kept.
    pub fn fetch(&self, id: &str, revision: Option<&str>) -> Result<PathBuf, ModelError> {
        let revision = revision.unwrap_or(BRANCH);
        check(id, revision)?;
        let model = self
            .cache
            .join(format!("models--{}", id.replace('/', "--")));
        let reference = model.join("refs").join(revision);
        let known = match is_commit(revision) {
            true => Some(revision.to_owned()),
            false => fs::read_to_string(&reference)
                .ok()
                .map(|commit| commit.trim().to_owned()),
        };
        let known = known.filter(|commit| is_commit(commit));
        let here = known.map(|commit| model.join("snapshots").join(commit));
        let here = here.filter(|folder| files::Files::find(folder).is_ok());
        if let Some(folder) = &here
            && (self.offline || is_commit(revision))
        {
            return Ok(folder.clone());
        }
        if self.offline {
            let problem = format!(
                "is not in {} and HF_HUB_OFFLINE is set",
                self.cache.display()
            );
            return Err(self.error(id, &problem));
        }
        match (self.fetch_all(id, revision, &model), here) {
            (Err(ModelError::Hub { url, problem }), Some(here)) => {
                tracing::warn!(
                    url,
                    problem,
                    "the hub is not to be reached; what is here is used"
                );
                Ok(here)
            }
            (fetched, _) => {
                let folder = fetched?;
                let commit = folder.file_name().unwrap_or_default().as_encoded_bytes();
                if !is_commit(revision) {
                    write(&reference, |file| file.write_all(commit))?;
                }
                Ok(folder)
            }
        }
    }

    fn fetch_all(&self, id: &str, revision: &str, model: &Path) -> Result<PathBuf, ModelError> {
        let config = self.open(id, revision, "config.json")?;
        let Some(config) = config else {
            let problem = format!("there is no config.json in revision {revision:?}");
            return Err(self.error(id, &problem));
        };
        // All files are taken from one commit, whatever happens to the branch meanwhile.
        let commit = config.commit.clone().filter(|commit| is_commit(commit));
        let commit = match commit {
            Some(commit) => commit,
            None if is_commit(revision) => revision.to_owned(),
            None => return Err(self.error(id, "the hub does not say which commit it gives")),
        };
        let folder = model.join("snapshots").join(&commit);
        config.save(&folder.join("config.json"), MAX_SMALL_BYTES)?;
        let fetch = |name: &str, most: u64| -> Result<bool, ModelError> {
            let path = folder.join(name);
            if path.is_file() {
                return Ok(true);
            }
            match self.open(id, &commit, name)? {
                Some(file) => file.save(&path, most).map(|()| true),
                None => Ok(false),
            }
        };
        fetch("tokenizer.json", MAX_SMALL_BYTES)?;
        if !fetch("model.safetensors", MAX_WEIGHTS_BYTES)? {
            let index = "model.safetensors.index.json";
            if fetch(index, MAX_SMALL_BYTES)? {
                let parts = files::parts(&folder.join(index));
                for part in parts.map_err(|problem| self.error(id, &problem))? {
                    fetch(&part, MAX_WEIGHTS_BYTES)?;
                }
            } else {
                fetch("rust_model.ot", MAX_WEIGHTS_BYTES)?;
            }
        }
        // What the repository does not have is told as for a directory.
        Ok(folder)
    }

    /// Asks for a file; `None` where the repository has none of this name.
    fn open(&self, id: &str, revision: &str, name: &str) -> Result<Option<File>, ModelError> {
        let mut url = format!("{}/{id}/resolve/{revision}/{name}", self.endpoint);
        let agent: Agent = Agent::config_builder()
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .timeout_recv_body(Some(FILE))
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("tagwerk/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let (mut commit, mut sha256) = (None, None);
        for _ in 0..=REDIRECTS {
            let error = |problem: String| ModelError::Hub {
                url: url.clone(),
                problem,
            };
            let mut request = agent.get(&url);
            // The secret goes to the hub alone, never to where it sends us on.
            if let Some(token) = &self.token
                && self.is_own(&url)
            {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let response = request.call().map_err(|e| error(e.to_string()))?;
            let headers = response.headers();
            commit = commit.or_else(|| text(headers, COMMIT));
            let tag = |name| text(headers, name).filter(|tag| is_sha256(tag));
            sha256 = sha256.or_else(|| tag(LINKED_TAG)).or_else(|| tag("etag"));
            match response.status().as_u16() {
                200 => {
                    return Ok(Some(File {
                        url,
                        commit,
                        sha256,
                        response,
                    }));
                }
                301 | 302 | 303 | 307 | 308 => {
                    let to = text(headers, "location")
                        .ok_or_else(|| error("redirects to nowhere".to_owned()))?;
                    url =
                        absolute(&url, &to).ok_or_else(|| error(format!("redirects to {to:?}")))?;
                }
                404 if text(headers, "x-error-code").is_none_or(|code| code == "EntryNotFound") => {
                    return Ok(None);
                }
                404 => {
                    let code = text(headers, "x-error-code").unwrap_or_default();
                    return Err(error(format!("not found ({code})")));
                }
                401 | 403 => {
                    let problem = match self.token {
                        Some(_) => "HF_TOKEN may not read it",
                        None => "is not public, or not there; HF_TOKEN may hold a token for it",
                    };
                    return Err(error(problem.to_owned()));
                }
                other => return Err(error(format!("status {other}"))),
            }
        }
        Err(ModelError::Hub {
            url,
            problem: "redirects too often".to_owned(),
        })
    }

    /// Whether a URL is one of the hub itself.
    fn is_own(&self, url: &str) -> bool {
        let parts = |url: &str| {
            let uri: Uri = url.parse().ok()?;
            Some((uri.scheme()?.clone(), uri.authority()?.clone()))
        };
        parts(url).is_some() && parts(url) == parts(&self.endpoint)
    }

    fn error(&self, id: &str, problem: &str) -> ModelError {
        ModelError::Hub {
            url: format!("{}/{id}", self.endpoint),
            problem: problem.to_owned(),
        }
    }
}

/// A file that the hub gives.
struct File {
    url: String,
    commit: Option<String>,
    sha256: Option<String>,
    response: Response<Body>,
}

impl File {
    /// Keeps the file where it is whole and has the hash that the hub names.
    fn save(mut self, path: &Path, most: u64) -> Result<(), ModelError> {
        let error = |problem: String| ModelError::Hub {
            url: self.url.clone(),
            problem,
        };
        let promised: Option<u64> =
            text(self.response.headers(), "content-length").and_then(|n| n.parse().ok());
        let mut body = self.response.body_mut().with_config().limit(most).reader();
        let mut hash = Sha256::new();
        let mut received = 0_u64;
        // A failure to receive is told apart from one to write.
        let mut broken = None;
        write_if(path, |file| {
            let mut buffer = vec![0; 1 << 16];
            loop {
                let count = match body.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => count,
                    Err(e) => {
                        broken = Some(e.to_string());
                        return Ok(false);
                    }
                };
                let part = buffer.get(..count).unwrap_or_default();
                hash.update(part);
                received += count as u64;
                file.write_all(part)?;
            }
            if let Some(promised) = promised.filter(|&promised| promised != received) {
                broken = Some(format!("ends after {received} of {promised} bytes"));
            }
            let found = files::hex(&hash.finalize_reset());
            if let Some(wanted) = self.sha256.as_ref().filter(|wanted| **wanted != found) {
                broken = broken
                    .take()
                    .or(Some(format!("has the SHA-256 {found}, not {wanted}")));
            }
            Ok(broken.is_none())
        })?;
        broken.map_or(Ok(()), |problem| Err(error(problem)))
    }
}

/// Writes a file beside its place and moves it there when it is whole.
fn write(
    path: &Path,
    content: impl FnOnce(&mut fs::File) -> io::Result<()>,
) -> Result<(), ModelError> {
    write_if(path, |file| content(file).map(|()| true))
}

/// As [`write`]; what `content` says no to is removed.
fn write_if(
    path: &Path,
    content: impl FnOnce(&mut fs::File) -> io::Result<bool>,
) -> Result<(), ModelError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = fastrand::u64(..);
    let beside = path.with_file_name(format!(".{name}.{number:016x}"));
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::File::create(&beside))
        .and_then(|mut file| content(&mut file))
        .and_then(|keep| match keep {
            true => fs::rename(&beside, path),
            false => fs::remove_file(&beside),
        });
    written.map_err(|source| {
        let _ = fs::remove_file(&beside);
        ModelError::Io {
            path: path.to_owned(),
            source,
        }
    })
}

fn check(id: &str, revision: &str) -> Result<(), ModelError> {
    let wrong = |setting, problem: String| Err(ModelError::Setting { setting, problem });
    let plain = |part: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(known)
    };
    let parts: Vec<&str> = id.split('/').collect();
    if !(1..=2).contains(&parts.len()) || !parts.iter().copied().all(plain) {
        return wrong("hub", format!("{id:?} is no id such as owner/name"));
    }
    if !plain(revision) {
        return wrong(
            "revision",
            format!("{revision:?} is no branch, tag or commit"),
        );
    }
    Ok(())
}

fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.chars().all(|c| c.is_ascii_hexdigit())
}

fn is_sha256(tag: &str) -> bool {
    tag.len() == 64 && tag.chars().all(|c| c.is_ascii_hexdigit())
}

/// A header without the quotation marks of a tag.
fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.trim_start_matches("W/").trim_matches('"').to_owned())
}

/// The URL that a redirect leads to.
fn absolute(from: &str, to: &str) -> Option<String> {
    if to.starts_with("https://") || to.starts_with("http://") {
        // Nothing is sent on from a secured hub to where anybody can change it.
        let is_safe = to.starts_with("https://") || from.starts_with("http://");
        return is_safe.then(|| to.to_owned());
    }
    let uri: Uri = from.parse().ok()?;
    let root = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
    to.starts_with('/').then(|| root + to)
}

#[cfg(test)]
mod tests;
