//! Who may call: API keys from a file, and JSON web tokens of an identity provider.
//!
//! A call is let in by exactly one credential. Where neither keys nor tokens are set up, everybody may call, and is
//! known by the certificate or else the address of the connection.

mod jwt;
pub mod keys;
mod layer;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use tracing::warn;

use self::{jwt::Tokens, keys::Keys};
use crate::api::caller::{Caller, Callers, Quota};

pub use self::{
    jwt::JwksError,
    keys::{KeysError, hash_of},
    layer::{Auth, AuthLayer, PeerAddr},
};

/// Where an API key stands. Google's clients and gateways use the second.
const KEY_HEADERS: [HeaderName; 2] = [
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// Largest accepted leeway. A token lives on for that long.
const MAX_LEEWAY: Duration = Duration::from_secs(3600);

/// Who may call, and how much.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthSettings {
    /// A TOML file of API keys. None: keys are not accepted.
    pub keys: Option<PathBuf>,
    /// Which tokens are accepted. None: none.
    pub jwt: Option<JwtSettings>,
    /// The quota of each caller that has none of its own.
    pub quota: Quota,
}

/// Which JSON web tokens are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtSettings {
    /// The issuer's public keys, a JWK set: the path of a file, or a URL with `https://` or `http://`.
    pub jwks: String,
    /// What `iss` must be. None: anything, or nothing.
    pub issuer: Option<String>,
    /// One of these must stand in `aud`. Empty: anything, or nothing.
    pub audience: Vec<String>,
    /// How far the clocks of issuer and server may lie apart.
    pub leeway: Duration,
}

/// Settings or files that callers cannot be known by.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The file of keys cannot be read.
    #[error("cannot read the keys in {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file of keys is wrong.
    #[error("{}, {source}", path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: KeysError,
    },
    /// The keys of the tokens' issuer cannot be had.
    #[error(transparent)]
    Jwks(#[from] JwksError),
    /// The leeway is too large.
    #[error("a leeway of {} s is too large: it must be at most {} s", .0.as_secs(), MAX_LEEWAY.as_secs())]
    Leeway(Duration),
}

/// Why a call is not let in. The words are safe to tell: they repeat nothing of the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("missing")]
    Missing,
    #[error("more than one")]
    Several,
    #[error("kind not accepted")]
    Kind,
    #[error("malformed")]
    Malformed,
    #[error("unknown key")]
    UnknownKey,
    #[error("algorithm not accepted")]
    Algorithm,
    #[error("wrong signature")]
    Signature,
    #[error("expired")]
    Expired,
    #[error("not yet valid")]
    NotYetValid,
    #[error("wrong issuer")]
    Issuer,
    #[error("wrong audience")]
    Audience,
}

/// Knows callers by their credentials. Clones share keys and quotas.
#[derive(Debug, Clone)]
pub struct Authentication {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    keys: Option<KeyFile>,
    tokens: Option<Tokens>,
    quota: Quota,
    callers: Callers,
}

impl Authentication {
    /// Reads the keys, and fetches those of the tokens' issuer. Blocks, for a URL up to five seconds.
    ///
    /// # Errors
    /// The setting or file that is wrong, or the URL that does not answer.
    pub fn open(settings: &AuthSettings) -> Result<Self, AuthError> {
        Ok(Self {
            shared: Arc::new(Shared {
                keys: settings.keys.clone().map(KeyFile::open).transpose()?,
                tokens: settings.jwt.as_ref().map(Tokens::open).transpose()?,
                quota: settings.quota,
                callers: Callers::new(),
            }),
        })
    }

    /// Reads and fetches everything again; false where nothing has changed. Blocks like [`Authentication::open`].
    ///
    /// # Errors
    /// What is wrong. Of that source the old state stays; the other one is renewed nevertheless, so that a key can be
    /// revoked while the tokens' issuer is away.
    pub fn reload(&self) -> Result<bool, AuthError> {
        let keys = self.shared.keys.as_ref().map_or(Ok(false), KeyFile::reload);
        let tokens = self.shared.tokens.as_ref().map(Tokens::reload);
        let tokens = tokens.unwrap_or(Ok(false));
        Ok(keys? | tokens?)
    }

    /// Whether calls need a credential.
    pub fn is_required(&self) -> bool {
        self.shared.keys.is_some() || self.shared.tokens.is_some()
    }

    /// The caller who shows this credential.
    async fn caller(&self, credential: &Credential) -> Result<Caller, Refusal> {
        let Shared { callers, quota, .. } = &*self.shared;
        match credential {
            Credential::Key(key) => {
                let keys = self.shared.keys.as_ref().ok_or(Refusal::Kind)?.present();
                let owner = keys.find(key.as_bytes()).ok_or(Refusal::UnknownKey)?;
                Ok(callers.caller(format!("key:{}", owner.name), owner.quota.or(*quota)))
            }
            Credential::Token(token) => {
                let tokens = self.shared.tokens.as_ref().ok_or(Refusal::Kind)?;
                let subject = tokens.subject(token).await?;
                Ok(callers.caller(format!("jwt:{subject}"), *quota))
            }
        }
    }

    /// The caller who is known by the connection alone.
    fn caller_without_credential(&self, id: String) -> Caller {
        self.shared.callers.caller(id, self.shared.quota)
    }

    /// What a call without a credential is told.
    fn demand(&self) -> &'static str {
        match (&self.shared.keys, &self.shared.tokens) {
            (Some(_), None) => "credentials are required: send an API key as x-api-key",
            (None, Some(_)) => "credentials are required: send a token as authorization: Bearer",
            _ => {
                "credentials are required: send an API key as x-api-key or a token as authorization: Bearer"
            }
        }
    }
}

/// The keys of a file that can be read again.
#[derive(Debug)]
struct KeyFile {
    path: PathBuf,
    present: RwLock<Arc<Keys>>,
}

impl KeyFile {
    fn open(path: PathBuf) -> Result<Self, AuthError> {
        let present = RwLock::new(Arc::new(Self::read(&path)?));
        Ok(Self { path, present })
    }

    fn reload(&self) -> Result<bool, AuthError> {
        let keys = Self::read(&self.path)?;
        let changed = keys != *self.present();
        if changed {
            *self.present.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        }
        Ok(changed)
    }

    fn read(path: &Path) -> Result<Keys, AuthError> {
        let text = fs::read_to_string(path).map_err(|source| AuthError::Read {
            path: path.to_owned(),
            source,
        })?;
        let keys = Keys::parse(&text).map_err(|source| AuthError::Keys {
            path: path.to_owned(),
            source,
        })?;
        if keys.is_empty() {
            warn!(keys = %path.display(), "there is no key in the file: every key is refused");
        }
        Ok(keys)
    }

    fn present(&self) -> Arc<Keys> {
        let present = self.present.read().unwrap_or_else(PoisonError::into_inner);
        present.clone()
    }
}

/// What a caller shows. Not to be logged, so that it has no `Debug`.
#[derive(PartialEq, Eq)]
enum Credential {
    Key(HeaderValue),
    Token(String),
}

impl Credential {
    /// Takes all credentials out of the headers, so that nothing behind this room sees them.
    fn take(headers: &mut HeaderMap) -> Result<Self, Refusal> {
        let mut shown = Vec::new();
        for name in KEY_HEADERS {
            shown.extend(headers.get_all(&name).iter().map(Self::key));
            headers.remove(&name);
        }
        let bearers = headers.get_all(AUTHORIZATION).iter();
        shown.extend(bearers.map(Self::bearer));
        headers.remove(AUTHORIZATION);
        match (shown.pop(), shown.is_empty()) {
            (None, _) => Err(Refusal::Missing),
            (Some(credential), true) => credential,
            // Which of them should count is for the caller to say.
            (Some(_), false) => Err(Refusal::Several),
        }
    }

    fn key(value: &HeaderValue) -> Result<Self, Refusal> {
        if value.is_empty() {
            return Err(Refusal::Malformed);
        }
        Ok(Self::Key(value.clone()))
    }

    fn bearer(value: &HeaderValue) -> Result<Self, Refusal> {
        let value = value.to_str().map_err(|_| Refusal::Malformed)?;
        let (scheme, value) = value.split_once(' ').ok_or(Refusal::Malformed)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::Kind);
        }
        let value = value.trim();
        if value.split('.').count() == 3 {
            return Ok(Self::Token(value.to_owned()));
        }
        Self::key(&HeaderValue::from_str(value).map_err(|_| Refusal::Malformed)?)
    }
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::{
        jwt::testing::{Issuer, claims},
        *,
    };

    /// A file of keys of this test's own, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let root = std::env::temp_dir().join(format!("tagwerk-auth-{test}-{}", process::id()));
            fs::create_dir_all(&root).unwrap();
            Self(root)
        }

        fn path(&self, file: &str) -> PathBuf {
            self.0.join(file)
        }

        fn settings(&self) -> AuthSettings {
            AuthSettings {
                keys: Some(self.path("keys.toml")),
                jwt: Some(JwtSettings {
                    jwks: self.path("jwks.json").display().to_string(),
                    issuer: None,
                    audience: Vec::new(),
                    leeway: Duration::ZERO,
                }),
                quota: Quota {
                    tokens_per_second: Some(7),
                    concurrent_calls: Some(8),
                },
            }
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn entry(name: &str, key: &str) -> String {
        format!(
            "[[key]]\nname = \"{name}\"\nsha256 = \"{}\"\n",
            hash_of(key)
        )
    }

    fn key(key: &'static str) -> Credential {
        Credential::Key(HeaderValue::from_static(key))
    }

    async fn id(authentication: &Authentication, credential: &Credential) -> Option<String> {
        let caller = authentication.caller(credential).await.ok()?;
        Some(caller.id().to_string())
    }

    /// In a form that can be compared and shown, with credentials of tests only.
    fn shown(taken: Result<Credential, Refusal>) -> Result<String, Refusal> {
        taken.map(|credential| match credential {
            Credential::Key(key) => format!("key {}", key.to_str().unwrap()),
            Credential::Token(token) => format!("token {token}"),
        })
    }

    #[test]
    fn a_call_shows_exactly_one_credential() {
        let (api, google, bearer) = ("x-api-key", "x-goog-api-key", "authorization");
        let ok = |shown: &str| Ok(shown.to_owned());
        #[rustfmt::skip]
        let cases: [(&[(&str, &str)], _); 16] = [
            (&[], Err(Refusal::Missing)),
            (&[("cookie", "a=b")], Err(Refusal::Missing)),
            (&[(api, "k")], ok("key k")),
            (&[(api, "a.b.c")], ok("key a.b.c")),
            (&[(google, "k")], ok("key k")),
            (&[(bearer, "Bearer k")], ok("key k")),
            (&[(bearer, "bearer  a.b.c")], ok("token a.b.c")),
            (&[(bearer, "Bearer a.b")], ok("key a.b")),
            (&[(bearer, "Bearer a.b.c.d")], ok("key a.b.c.d")),
            (&[(api, "")], Err(Refusal::Malformed)),
            (&[(bearer, "Bearer ")], Err(Refusal::Malformed)),
            (&[(bearer, "k")], Err(Refusal::Malformed)),
            (&[(bearer, "Basic dTpw")], Err(Refusal::Kind)),
            (&[(api, "k"), (api, "k")], Err(Refusal::Several)),
            (&[(api, "k"), (google, "l")], Err(Refusal::Several)),
            (&[(api, "k"), (bearer, "Bearer a.b.c")], Err(Refusal::Several)),
        ];
        for (pairs, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                let name: HeaderName = name.parse().unwrap();
                headers.append(name, value.parse().unwrap());
            }
            assert_eq!(shown(Credential::take(&mut headers)), expected, "{pairs:?}");
            for name in [api, google, bearer] {
                assert!(!headers.contains_key(name), "{pairs:?}");
            }
        }
    }

    #[tokio::test]
    async fn each_credential_has_its_caller_and_quota() {
        let folder = Folder::new("callers");
        let (mut issuer, settings) = (Issuer::new(), folder.settings());
        issuer.add_es256("a");
        fs::write(folder.path("jwks.json"), issuer.jwks()).unwrap();
        let limit = "concurrent_calls = 3\n";
        let keys = entry("ingest", "one") + limit + &entry("archive", "two");
        fs::write(folder.path("keys.toml"), keys).unwrap();
        let authentication = Authentication::open(&settings).unwrap();

        let quota = |concurrent_calls| Quota {
            concurrent_calls: Some(concurrent_calls),
            ..settings.quota
        };
        let token = Credential::Token(issuer.sign("a", &claims("ingest")));
        for (credential, id, quota) in [
            (key("one"), "key:ingest", quota(3)),
            (key("two"), "key:archive", quota(8)),
            (token, "jwt:ingest", quota(8)),
        ] {
            let caller = authentication.caller(&credential).await.unwrap();
            assert_eq!((&**caller.id(), caller.quota()), (id, quota));
        }
    }

    #[tokio::test]
    async fn a_kind_of_credential_that_is_not_set_up_is_refused() {
        let folder = Folder::new("kinds");
        let (mut issuer, settings) = (Issuer::new(), folder.settings());
        issuer.add_es256("a");
        fs::write(folder.path("jwks.json"), issuer.jwks()).unwrap();
        fs::write(folder.path("keys.toml"), entry("ingest", "one")).unwrap();
        let token = Credential::Token(issuer.sign("a", &claims("ingest")));

        let only_keys = AuthSettings {
            jwt: None,
            ..settings.clone()
        };
        let only_tokens = AuthSettings {
            keys: None,
            ..settings
        };
        for (settings, refused) in [(only_keys, token), (only_tokens, key("one"))] {
            let authentication = Authentication::open(&settings).unwrap();
            assert!(authentication.is_required());
            let refusal = authentication.caller(&refused).await.unwrap_err();
            assert_eq!(refusal, Refusal::Kind);
        }
        let open = Authentication::open(&AuthSettings::default()).unwrap();
        assert!(!open.is_required());
    }

    #[tokio::test]
    async fn keys_and_token_keys_are_renewed_each_by_itself() {
        let folder = Folder::new("reload");
        let (mut issuer, settings) = (Issuer::new(), folder.settings());
        issuer.add_es256("a");
        fs::write(folder.path("jwks.json"), issuer.jwks()).unwrap();
        fs::write(folder.path("keys.toml"), entry("ingest", "one")).unwrap();
        let authentication = Authentication::open(&settings).unwrap();
        assert!(!authentication.reload().unwrap());

        issuer.add_ed25519("b");
        let token = Credential::Token(issuer.sign("b", &claims("ingest")));
        assert_eq!(id(&authentication, &token).await, None);
        fs::write(folder.path("jwks.json"), issuer.jwks()).unwrap();
        assert!(authentication.reload().unwrap());
        assert_eq!(
            id(&authentication, &token).await.as_deref(),
            Some("jwt:ingest")
        );

        // The token keys are broken; the key is revoked all the same, and the old token keys stay.
        fs::write(folder.path("jwks.json"), "{").unwrap();
        fs::write(folder.path("keys.toml"), entry("ingest", "other")).unwrap();
        assert!(matches!(authentication.reload(), Err(AuthError::Jwks(_))));
        assert_eq!(id(&authentication, &key("one")).await, None);
        assert_eq!(
            id(&authentication, &key("other")).await.as_deref(),
            Some("key:ingest")
        );
        assert_eq!(
            id(&authentication, &token).await.as_deref(),
            Some("jwt:ingest")
        );

        fs::write(folder.path("keys.toml"), "[[key]]\nname = 5\n").unwrap();
        let message = authentication.reload().unwrap_err().to_string();
        assert!(message.contains("keys.toml, line 2: "), "{message}");
        assert_eq!(
            id(&authentication, &key("other")).await.as_deref(),
            Some("key:ingest")
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let folder = Folder::new("missing");
        let message = Authentication::open(&folder.settings())
            .unwrap_err()
            .to_string();
        assert!(message.contains("keys.toml"), "{message}");
        let settings = AuthSettings {
            keys: None,
            ..folder.settings()
        };
        let message = Authentication::open(&settings).unwrap_err().to_string();
        assert!(message.contains("jwks.json"), "{message}");
    }
}
