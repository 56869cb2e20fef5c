//! JSON web tokens: signed by an identity provider, checked with its public keys.
//!
//! Only signatures with a public key are accepted. A token names its key (`kid`); one that is not known makes the
//! server ask the provider for its keys again, but not often.

use std::{
    fs,
    io::Read as _,
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use http::Uri;
use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind, Validation, crypto, decode, decode_header,
    errors::{Error as JwtError, ErrorKind},
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    sync::Mutex,
    task::spawn_blocking,
    time::{Duration as Time, Instant},
};
use tracing::{debug, warn};
use ureq::Agent;

use super::{AuthError, JwtSettings, MAX_LEEWAY, Refusal};

/// The accepted algorithms. None works with a secret that both sides know: a public key could be passed off as one.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// Sizes of RSA keys in bits: shorter ones can be broken, longer ones are not computed with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// Largest key set in bytes.
const MAX_JWKS_BYTES: u64 = 1 << 20;

/// Largest token in bytes.
const MAX_TOKEN_BYTES: usize = 16 << 10;

/// Longest subject in bytes, which is what OpenID Connect allows.
const MAX_SUBJECT_BYTES: usize = 255;

/// Time for the provider to answer, from connecting to the last byte.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long unknown keys are not asked for again.
const REFETCH_INTERVAL: Time = Time::from_secs(60);

/// The public keys of the tokens' issuer cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot get the token keys from {from}: {problem}")]
pub struct JwksError {
    /// The path or URL.
    pub from: String,
    /// What is wrong.
    pub problem: String,
}

/// Which tokens are accepted.
#[derive(Debug)]
pub(super) struct Tokens {
    keys: Arc<KeySet>,
    /// What a token must hold beside a signature by one of the accepted algorithms.
    validation: Validation,
    /// When unknown keys were last asked for. Held while they are.
    asked: Arc<Mutex<Option<Instant>>>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

impl Tokens {
    /// Reads or fetches the keys. Blocks.
    ///
    /// # Errors
    /// Keys that cannot be had, or a setting that is wrong.
    pub(super) fn open(settings: &JwtSettings) -> Result<Self, AuthError> {
        if settings.leeway > MAX_LEEWAY {
            return Err(AuthError::Leeway(settings.leeway));
        }
        Ok(Self {
            keys: Arc::new(KeySet::open(Source::new(&settings.jwks)?)?),
            validation: validation(settings),
            asked: Arc::default(),
        })
    }

    /// Reads or fetches the keys again; false where they are the same. Blocks.
    ///
    /// # Errors
    /// Keys that cannot be had. The old ones stay.
    pub(super) fn reload(&self) -> Result<bool, AuthError> {
        Ok(self.keys.reload()?)
    }

    /// The subject of a token.
    pub(super) async fn subject(&self, token: &str) -> Result<String, Refusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refusal::Malformed);
        }
        // An algorithm that has no name in the library, such as "none", makes a header malformed.
        let header = decode_header(token).map_err(|_| Refusal::Malformed)?;
        // What is critical must be understood, and no extension is.
        if header.crit.is_some() {
            return Err(Refusal::Malformed);
        }
        if !ALGORITHMS.contains(&header.alg) {
            return Err(Refusal::Algorithm);
        }
        let kid = header.kid.as_deref();
        if let Some(kid) = kid
            && self.keys.source.is_remote()
            && !self.keys.knows(kid)
        {
            self.ask_for(kid).await;
        }
        let keys = self.keys.present();
        let key = find(&keys, kid, header.alg).ok_or(Refusal::UnknownKey)?;
        let mut validation = self.validation.clone();
        validation.algorithms = vec![key.algorithm];
        let claims: Claims = decode(token, &key.key, &validation)
            .map_err(|error| refusal(&error))?
            .claims;
        // It becomes part of log lines.
        let bounds = 1..=MAX_SUBJECT_BYTES;
        if !bounds.contains(&claims.sub.len()) || claims.sub.contains(char::is_control) {
            return Err(Refusal::Malformed);
        }
        Ok(claims.sub)
    }

    /// Fetches the keys again, since one is not known. Calls that want the same at the same time wait for one fetch;
    /// all others go on.
    async fn ask_for(&self, kid: &str) {
        let mut asked = self.asked.clone().lock_owned().await;
        if self.keys.knows(kid) || asked.is_some_and(|asked| asked.elapsed() < REFETCH_INTERVAL) {
            return;
        }
        *asked = Some(Instant::now());
        let keys = self.keys.clone();
        // The lock goes along, since this call may be dropped before the keys are there.
        let fetch = spawn_blocking(move || {
            let _asked = asked;
            keys.reload()
        });
        match fetch.await {
            Ok(Ok(changed)) => debug!(changed, "asked for unknown token keys"),
            Ok(Err(error)) => warn!("{error}"),
            Err(error) => warn!(%error, "asking for unknown token keys failed"),
        }
    }
}

fn validation(settings: &JwtSettings) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    let mut required = vec!["exp", "sub"];
    validation.leeway = settings.leeway.as_secs();
    validation.validate_nbf = true;
    if let Some(issuer) = &settings.issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    if settings.audience.is_empty() {
        validation.validate_aud = false;
    } else {
        validation.set_audience(&settings.audience);
        required.push("aud");
    }
    validation.set_required_spec_claims(&required);
    validation
}

fn refusal(error: &JwtError) -> Refusal {
    match error.kind() {
        ErrorKind::InvalidSignature => Refusal::Signature,
        ErrorKind::InvalidAlgorithm => Refusal::Algorithm,
        ErrorKind::ExpiredSignature => Refusal::Expired,
        ErrorKind::ImmatureSignature => Refusal::NotYetValid,
        ErrorKind::InvalidIssuer => Refusal::Issuer,
        ErrorKind::InvalidAudience => Refusal::Audience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "iss" => Refusal::Issuer,
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => Refusal::Audience,
        _ => Refusal::Malformed,
    }
}

/// A public key for one algorithm.
#[derive(Debug)]
struct VerifyingKey {
    kid: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// The key for a token. Without a `kid` there must be only one that it could be.
fn find<'k>(
    keys: &'k [VerifyingKey],
    kid: Option<&str>,
    algorithm: Algorithm,
) -> Option<&'k VerifyingKey> {
    let mut keys = keys.iter().filter(|key| key.algorithm == algorithm);
    match kid {
        Some(_) => keys.find(|key| key.kid.as_deref() == kid),
        None => keys.next().filter(|_| keys.next().is_none()),
    }
}

/// The keys of the issuer, which can be had again.
#[derive(Debug)]
struct KeySet {
    source: Source,
    present: RwLock<Present>,
}

#[derive(Debug)]
struct Present {
    json: Vec<u8>,
    keys: Arc<[VerifyingKey]>,
}

impl KeySet {
    fn open(source: Source) -> Result<Self, JwksError> {
        let json = source.read()?;
        let keys = source.parse(&json)?;
        let present = RwLock::new(Present { json, keys });
        Ok(Self { source, present })
    }

    fn reload(&self) -> Result<bool, JwksError> {
        let json = self.source.read()?;
        if self
            .present
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .json
            == json
        {
            return Ok(false);
        }
        let keys = self.source.parse(&json)?;
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = Present { json, keys };
        Ok(true)
    }

    fn present(&self) -> Arc<[VerifyingKey]> {
        let present = self.present.read().unwrap_or_else(PoisonError::into_inner);
        present.keys.clone()
    }

    fn knows(&self, kid: &str) -> bool {
        self.present()
            .iter()
            .any(|key| key.kid.as_deref() == Some(kid))
    }
}

/// Where the keys of the issuer are.
#[derive(Debug)]
enum Source {
    File(PathBuf),
    Url { url: String, agent: Agent },
}

impl Source {
    fn new(from: &str) -> Result<Self, JwksError> {
        if !from.starts_with("https://") && !from.starts_with("http://") {
            return Ok(Self::File(from.into()));
        }
        let wrong = |problem: &str| JwksError {
            // It may hold a password.
            from: from.rsplit('@').next().unwrap_or_default().to_owned(),
            problem: problem.to_owned(),
        };
        let uri: Uri = from.parse().map_err(|_| wrong("this is not a URL"))?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return Err(wrong("a URL with a user's name is not accepted"));
        }
        let encrypted = uri.scheme_str() == Some("https");
        let local = is_loopback(uri.host().unwrap_or_default());
        if !encrypted && !local {
            warn!(
                url = from,
                "the token keys come over HTTP and can be forged on the way"
            );
        }
        let mut config = Agent::config_builder()
            .timeout_global(Some(FETCH_TIMEOUT))
            // A redirect must not lead out of TLS.
            .https_only(encrypted)
            .user_agent(concat!("tagwerk/", env!("CARGO_PKG_VERSION")));
        if local {
            // No proxy reaches this machine better than the machine itself.
            config = config.proxy(None);
        }
        Ok(Self::Url {
            url: from.to_owned(),
            agent: config.build().new_agent(),
        })
    }

    fn is_remote(&self) -> bool {
        matches!(self, Self::Url { .. })
    }

    fn error(&self, problem: impl ToString) -> JwksError {
        let from = match self {
            Self::File(path) => path.display().to_string(),
            Self::Url { url, .. } => url.clone(),
        };
        JwksError {
            from,
            problem: problem.to_string(),
        }
    }

    fn read(&self) -> Result<Vec<u8>, JwksError> {
        let mut json = Vec::new();
        // One byte more, to see that there is more.
        let limit = MAX_JWKS_BYTES + 1;
        match self {
            Self::File(path) => fs::File::open(path)
                .and_then(|file| file.take(limit).read_to_end(&mut json))
                .map_err(|error| self.error(error))?,
            Self::Url { url, agent } => {
                let mut response = agent.get(url).call().map_err(|error| self.error(error))?;
                let body = response.body_mut().as_reader();
                body.take(limit)
                    .read_to_end(&mut json)
                    .map_err(|error| self.error(error))?
            }
        };
        if json.len() as u64 > MAX_JWKS_BYTES {
            return Err(self.error(format!("it is larger than {MAX_JWKS_BYTES} bytes")));
        }
        Ok(json)
    }

    /// The keys in a JWK set that can be used. Providers publish others beside them, which are passed over.
    fn parse(&self, json: &[u8]) -> Result<Arc<[VerifyingKey]>, JwksError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }

        let set: Set = serde_json::from_slice(json).map_err(|error| {
            self.error(format!(
                "it is no JWK set, which is a JSON object with `keys`: line {}, column {}",
                error.line(),
                error.column()
            ))
        })?;
        let mut keys = Vec::new();
        for (number, value) in (1..).zip(set.keys) {
            match verifying_key(value) {
                Ok(key) => keys.push(key),
                Err(reason) => debug!(number, reason, "a token key is passed over"),
            }
        }
        if keys.is_empty() {
            return Err(self.error(
                "there is no key in it for RS256 (2048 to 4096 bits), ES256 (P-256) or EdDSA (Ed25519) signatures",
            ));
        }
        Ok(keys.into())
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |address: IpAddr| address.is_loopback();
    host == "localhost" || address.parse().is_ok_and(is_loopback)
}

/// A key that signatures can be checked with, or why it is none.
fn verifying_key(value: Value) -> Result<VerifyingKey, &'static str> {
    let jwk: Jwk = serde_json::from_value(value).map_err(|_| "malformed")?;
    let common = &jwk.common;
    if !matches!(common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return Err("not for signatures");
    }
    if let Some(operations) = &common.key_operations
        && !operations.contains(&KeyOperations::Verify)
    {
        return Err("not for checking signatures");
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        AlgorithmParameters::OctetKey(_) => return Err("a secret, not a public key"),
        _ => return Err("of an unknown kind"),
    };
    if common
        .key_algorithm
        .is_some_and(|named| named != KeyAlgorithm::from(algorithm))
    {
        return Err("for another algorithm");
    }
    let key = DecodingKey::from_jwk(&jwk).map_err(|_| "malformed")?;
    // Checked here, since the library takes an index into a key that is too short when a token comes.
    let has_right_size = match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, .. } => RSA_BITS.contains(&bits(n)),
        DecodingKeyKind::SecretOrDer(point) => match algorithm {
            Algorithm::ES256 => point.len() == 65,
            _ => point.len() == 32,
        },
    };
    if !has_right_size {
        return Err("of a wrong size");
    }
    // No signature is valid that is empty; an error means that the key itself is not.
    crypto::verify("", b"", &key, algorithm).map_err(|_| "not a point of its curve")?;
    Ok(VerifyingKey {
        kid: jwk.common.key_id,
        algorithm,
        key,
    })
}

/// The length of a number in bits.
fn bits(big_endian: &[u8]) -> usize {
    let Some(first) = big_endian.iter().position(|byte| *byte != 0) else {
        return 0;
    };
    let digits = &big_endian[first..];
    8 * digits.len() - digits[0].leading_zeros() as usize
}

#[cfg(test)]
pub(super) mod testing {
    //! An identity provider.

    use std::collections::HashMap;

    use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
    use serde_json::json;

    use super::*;

    /// Signs tokens with keys that it publishes.
    pub(in crate::server::auth) struct Issuer {
        keys: HashMap<String, (Algorithm, EncodingKey, Vec<u8>)>,
        published: Vec<Value>,
    }

    /// Claims that are good in every respect.
    pub(in crate::server::auth) fn claims(subject: &str) -> Value {
        json!({
            "iss": "https://id.example",
            "aud": "tagwerk",
            "sub": subject,
            "exp": get_current_timestamp() + 600,
            "nbf": get_current_timestamp() - 600,
        })
    }

    impl Issuer {
        pub(in crate::server::auth) fn new() -> Self {
            Self {
                keys: HashMap::new(),
                published: Vec::new(),
            }
        }

        pub(in crate::server::auth) fn add_es256(&mut self, kid: &str) {
            let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
            let public = DecodingKey::from_ec_der(pair.public_key_raw());
            let private = EncodingKey::from_ec_der(pair.serialized_der());
            self.add(kid, Algorithm::ES256, &public, private);
        }

        pub(in crate::server::auth) fn add_ed25519(&mut self, kid: &str) {
            let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
            let public = DecodingKey::from_ed_der(pair.public_key_raw());
            let private = EncodingKey::from_ed_der(pair.serialized_der());
            self.add(kid, Algorithm::EdDSA, &public, private);
        }

        fn add(
            &mut self,
            kid: &str,
            algorithm: Algorithm,
            public: &DecodingKey,
            private: EncodingKey,
        ) {
            let mut jwk = Jwk::from_decoding_key(public, Some(algorithm)).unwrap();
            jwk.common.key_id = Some(kid.to_owned());
            jwk.common.public_key_use = Some(PublicKeyUse::Signature);
            self.publish(serde_json::to_value(&jwk).unwrap());
            let public = public.try_get_as_bytes().unwrap().to_vec();
            self.keys
                .insert(kid.to_owned(), (algorithm, private, public));
        }

        /// Publishes a key that it does not sign with.
        pub(in crate::server::auth) fn publish(&mut self, jwk: Value) {
            self.published.push(jwk);
        }

        /// The published keys.
        pub(in crate::server::auth) fn published(&mut self) -> &mut Vec<Value> {
            &mut self.published
        }

        /// The published keys as a JWK set.
        pub(in crate::server::auth) fn jwks(&self) -> String {
            json!({ "keys": self.published }).to_string()
        }

        /// The bytes of a public key.
        pub(in crate::server::auth) fn public(&self, kid: &str) -> Vec<u8> {
            self.keys[kid].2.clone()
        }

        pub(in crate::server::auth) fn sign(&self, kid: &str, claims: &Value) -> String {
            let mut header = Header::new(self.keys[kid].0);
            header.kid = Some(kid.to_owned());
            self.sign_with(&header, kid, claims)
        }

        pub(in crate::server::auth) fn sign_with(
            &self,
            header: &Header,
            kid: &str,
            claims: &Value,
        ) -> String {
            encode(header, claims, &self.keys[kid].1).unwrap()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        io::{BufRead as _, BufReader, Write as _},
        net::TcpListener,
        process,
        sync::{
            Mutex as Lock,
            atomic::{AtomicUsize, Ordering},
        },
        thread,
    };

    use futures::FutureExt as _;
    use jsonwebtoken::Header;
    use proptest::prelude::*;
    use serde_json::json;
    use tokio::time::advance;

    use super::{
        testing::{Issuer, claims},
        *,
    };

    /// Public part of a key that was made with `openssl genrsa 2048` and thrown away, and a token that it has signed
    /// with `openssl dgst -sha256 -sign`: RS256, kid "r", subject "ingest", valid until the year 2286.
    const RSA_MODULUS: &str = "tXjOimclBz__vbsdJsi2bSaexVnsLmpTaI47Af9V4hoJRtHON4YlJ7IB-t9vatRoC8Wx6_qk6PKUjhJsqJg0HUwyRXNYSdXk-jiZd3cTMCJ85jAJUlEQEm485TQIkDNRpwIXECfdRnftyeg10FBOpPD5fABUAbAiUYKahakE_3LAUykBeOTUON2NCE8rDWcI1Za-nYEoc8tHOdWaKcLQEErkgpKapz6Nmvcxh6Nr2Fd8ek1wjhqGNbW1IQQhfHaE8sUOKuN9wI7szUrEfR3aB41BgA2gR6qUT_Rh7i4M2_Vx50kWAn6fx9u4omgDIUUFpmYfHEfRqktEzlZ0OK8NXQ";
    const RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InIifQ.eyJzdWIiOiJpbmdlc3QiLCJleHAiOjk5OTk5OTk5OTl9.gFkCejL4U86GGl4SinLyLcCbL17cgZadFII8PCZhrNQDqu-FhI-jR3agw8JLDj9UuwvUYunG2Lms2d5HOC8ffddiMx9gSIc2ebWcOwu8FXWOn4SABOZulJHqeJAr22fGMNJQ3_khCdXtRT5rGilemM_COTVaOfl51CyiWeKhaSpV9EdPoKfSDAC0dY5QVebgwqzPjpB1zI3KCCNO4Po-6fezAPSIUWW5ikyAKlihSqQ9OGuGb3d6vRxxgqGAzP4scBcEcIYi5Dhdin4eTinjbe_YPu_lW9kZiNhb3gvkr_CdtfxfVybgJ-B2o9jnsaeLhIOuTISkn94sQnrocLTLWA";

    /// The same of `openssl genrsa 1024`.
    const SHORT_RSA_MODULUS: &str = "wjJMKGEnb5gGQZ_obgbp-5Gmls4Faybnhb1TKMJg3e3jmn66kzy3TRmGHfSos1XcziW0m3pwxXlBMKKUCmEALZPHV9y8SnpeYWOwnm9U_tXczqIkSJ924ZW2LWxMGgfk0SP0RgkMXWRcgMDH4r7wseWC4Gv0k0tAjCWtvx6X04M";

    fn settings(jwks: String) -> JwtSettings {
        JwtSettings {
            jwks,
            issuer: None,
            audience: Vec::new(),
            leeway: Duration::ZERO,
        }
    }

    fn in_file(test: &str, jwks: &str) -> Result<Tokens, AuthError> {
        let path = env::temp_dir().join(format!("tagwerk-jwt-{test}-{}.json", process::id()));
        fs::write(&path, jwks).unwrap();
        let tokens = Tokens::open(&settings(path.display().to_string()));
        fs::remove_file(path).unwrap();
        tokens
    }

    fn rsa(modulus: &str) -> Value {
        json!({ "kty": "RSA", "kid": "r", "use": "sig", "n": modulus, "e": "AQAB" })
    }

    #[tokio::test]
    async fn tokens_of_all_three_algorithms_are_accepted() {
        let mut issuer = Issuer::new();
        issuer.add_es256("a");
        issuer.add_ed25519("b");
        issuer.publish(rsa(RSA_MODULUS));
        let tokens = in_file("algorithms", &issuer.jwks()).unwrap();
        for token in [
            issuer.sign("a", &claims("ingest")),
            issuer.sign("b", &claims("ingest")),
            RSA_TOKEN.to_owned(),
        ] {
            assert_eq!(tokens.subject(&token).await, Ok("ingest".to_owned()));
            let (signed, signature) = token.rsplit_once('.').unwrap();
            for signature in ["", "AAAA", &signature.chars().rev().collect::<String>()] {
                let refusal = tokens.subject(&format!("{signed}.{signature}")).await;
                assert!(matches!(
                    refusal,
                    Err(Refusal::Signature | Refusal::Malformed)
                ));
            }
        }
    }

    #[tokio::test]
    async fn a_token_without_a_kid_needs_a_set_with_one_key_of_its_algorithm() {
        let mut issuer = Issuer::new();
        issuer.add_es256("a");
        issuer.add_ed25519("b");
        let token = issuer.sign_with(&Header::new(Algorithm::ES256), "a", &claims("ingest"));
        let tokens = in_file("one", &issuer.jwks()).unwrap();
        assert_eq!(tokens.subject(&token).await, Ok("ingest".to_owned()));
        issuer.add_es256("c");
        let tokens = in_file("two", &issuer.jwks()).unwrap();
        assert_eq!(tokens.subject(&token).await, Err(Refusal::UnknownKey));
    }

    #[tokio::test]
    async fn a_kid_stands_for_its_algorithm_too() {
        let mut issuer = Issuer::new();
        issuer.add_es256("a");
        issuer.add_ed25519("b");
        let tokens = in_file("kid", &issuer.jwks()).unwrap();
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("b".into());
        let token = issuer.sign_with(&header, "a", &claims("ingest"));
        assert_eq!(tokens.subject(&token).await, Err(Refusal::UnknownKey));
    }

    #[test]
    fn keys_that_tokens_cannot_be_checked_with_are_passed_over() {
        let mut issuer = Issuer::new();
        issuer.add_es256("a");
        issuer.add_ed25519("b");
        let (es256, ed25519) = (issuer.published()[0].clone(), issuer.published()[1].clone());
        let with = |jwk: &Value, field: &str, value: Value| {
            let mut jwk = jwk.clone();
            jwk[field] = value;
            jwk
        };
        let cases = [
            (es256.clone(), None),
            (ed25519.clone(), None),
            (rsa(RSA_MODULUS), None),
            (with(&rsa(RSA_MODULUS), "alg", json!("RS256")), None),
            (
                with(&rsa(RSA_MODULUS), "alg", json!("PS256")),
                Some("for another algorithm"),
            ),
            (
                with(&rsa(RSA_MODULUS), "alg", json!("RSA-OAEP")),
                Some("for another algorithm"),
            ),
            (rsa(SHORT_RSA_MODULUS), Some("of a wrong size")),
            (rsa(&"_".repeat(1368)), Some("of a wrong size")),
            (rsa(""), Some("of a wrong size")),
            (rsa("?"), Some("malformed")),
            (
                with(&es256, "use", json!("enc")),
                Some("not for signatures"),
            ),
            (
                with(&es256, "key_ops", json!(["sign"])),
                Some("not for checking signatures"),
            ),
            (
                with(&es256, "alg", json!("ES384")),
                Some("for another algorithm"),
            ),
            (with(&es256, "x", json!("AAAA")), Some("of a wrong size")),
            (
                with(&es256, "y", es256["x"].clone()),
                Some("not a point of its curve"),
            ),
            (
                with(&es256, "crv", json!("P-384")),
                Some("of an unknown kind"),
            ),
            (
                with(&es256, "crv", json!("secp256k1")),
                Some("of an unknown kind"),
            ),
            (with(&ed25519, "x", json!("AAAA")), Some("of a wrong size")),
            (
                with(&ed25519, "crv", json!("X25519")),
                Some("of an unknown kind"),
            ),
            (
                json!({ "kty": "oct", "k": "c2VjcmV0" }),
                Some("a secret, not a public key"),
            ),
            (json!({ "kty": "AKP" }), Some("of an unknown kind")),
            (json!("key"), Some("malformed")),
        ];
        for (jwk, expected) in cases {
            assert_eq!(verifying_key(jwk.clone()).err(), expected, "{jwk}");
        }
    }

    #[test]
    fn a_set_without_a_usable_key_is_an_error_that_names_its_file() {
        let large = " ".repeat(1 << 20) + r#"{"keys":[]}"#;
        for (test, jwks, problem) in [
            ("empty", r#"{"keys":[]}"#, "there is no key in it"),
            (
                "secret",
                r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#,
                "there is no key in it",
            ),
            ("list", "[]", "it is no JWK set"),
            ("text", "nothing", "it is no JWK set"),
            ("large", &large, "it is larger than 1048576 bytes"),
        ] {
            let message = in_file(test, jwks).unwrap_err().to_string();
            assert!(
                message.contains(&format!("tagwerk-jwt-{test}")),
                "{message}"
            );
            assert!(message.contains(problem), "{message}");
        }
    }

    #[test]
    fn a_leeway_that_makes_tokens_last_for_ever_is_refused() {
        let settings = JwtSettings {
            leeway: MAX_LEEWAY + Duration::from_secs(1),
            ..settings("keys.json".into())
        };
        assert!(matches!(Tokens::open(&settings), Err(AuthError::Leeway(_))));
    }

    #[test]
    fn a_url_must_be_one_and_holds_no_password() {
        for (url, problem) in [
            ("https://", "not a URL"),
            ("https://a b/", "not a URL"),
            ("https://user:geheim@id.example/keys", "a user's name"),
        ] {
            let message = Source::new(url).unwrap_err().to_string();
            assert!(message.contains(problem), "{message}");
            assert!(!message.contains("geheim"), "{message}");
        }
        let remote = |from| Source::new(from).unwrap().is_remote();
        assert!(remote("https://id.example/keys"));
        assert!(remote("http://[::1]:8080/keys"));
        assert!(!remote("/etc/tagwerk/keys.json"));
    }

    /// An HTTP server for one body, which counts how often it was asked.
    struct Provider {
        url: String,
        body: Arc<Lock<String>>,
        asked: Arc<AtomicUsize>,
    }

    impl Provider {
        fn start(body: String) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let provider = Self {
                url: format!("http://{}/keys", listener.local_addr().unwrap()),
                body: Arc::new(Lock::new(body)),
                asked: Arc::default(),
            };
            let (body, asked) = (provider.body.clone(), provider.asked.clone());
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    let request = BufReader::new(stream.try_clone().unwrap());
                    // The head of the request ends with an empty line.
                    request.lines().map_while(Result::ok).find(String::is_empty);
                    asked.fetch_add(1, Ordering::SeqCst);
                    let body = body.lock().unwrap().clone();
                    let status = if body.is_empty() {
                        "503 Gone for a walk"
                    } else {
                        "200 OK"
                    };
                    let length = body.len();
                    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n");
                    let _ = write!(stream, "{head}Connection: close\r\n\r\n{body}");
                }
            });
            provider
        }

        fn publish(&self, body: String) {
            *self.body.lock().unwrap() = body;
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_kid_is_asked_for_at_most_once_a_minute() {
        let mut issuer = Issuer::new();
        issuer.add_es256("a");
        let provider = Provider::start(issuer.jwks());
        let tokens = Tokens::open(&settings(provider.url.clone())).unwrap();
        let known = issuer.sign("a", &claims("ingest"));
        assert_eq!(tokens.subject(&known).await, Ok("ingest".to_owned()));
        assert_eq!(provider.asked(), 1);

        // A key that is new at the provider is had at once, by one fetch for all.
        issuer.add_ed25519("b");
        provider.publish(issuer.jwks());
        let new = issuer.sign("b", &claims("archive"));
        let (first, second, third) = tokio::join!(
            tokens.subject(&new),
            tokens.subject(&new),
            tokens.subject(&known)
        );
        assert_eq!(
            (first, second),
            (Ok("archive".to_owned()), Ok("archive".to_owned()))
        );
        assert_eq!(third, Ok("ingest".to_owned()));
        assert_eq!(provider.asked(), 2);

        // The next one has to wait.
        issuer.add_es256("c");
        provider.publish(issuer.jwks());
        let newer = issuer.sign("c", &claims("desk"));
        for _ in 0..10 {
            assert_eq!(tokens.subject(&newer).await, Err(Refusal::UnknownKey));
        }
        assert_eq!(provider.asked(), 2);
        advance(REFETCH_INTERVAL).await;
        assert_eq!(tokens.subject(&newer).await, Ok("desk".to_owned()));
        assert_eq!(provider.asked(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_is_away_leaves_the_known_keys_in_use() {
        let mut issuer = Issuer::new();
        issuer.add_es256("a");
        let provider = Provider::start(issuer.jwks());
        let tokens = Tokens::open(&settings(provider.url.clone())).unwrap();
        let known = issuer.sign("a", &claims("ingest"));
        issuer.add_es256("b");
        let unknown = issuer.sign("b", &claims("ingest"));

        for body in ["", "{", r#"{"keys":[]}"#] {
            provider.publish(body.to_owned());
            advance(REFETCH_INTERVAL).await;
            assert_eq!(tokens.subject(&unknown).await, Err(Refusal::UnknownKey));
            assert!(tokens.reload().is_err());
            assert_eq!(tokens.subject(&known).await, Ok("ingest".to_owned()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_leaves_while_keys_are_fetched_does_not_stop_the_fetch() {
        let mut issuer = Issuer::new();
        issuer.add_es256("a");
        let provider = Provider::start(issuer.jwks());
        let tokens = Tokens::open(&settings(provider.url.clone())).unwrap();
        issuer.add_es256("b");
        provider.publish(issuer.jwks());
        let token = issuer.sign("b", &claims("ingest"));
        {
            let mut left = Box::pin(tokens.subject(&token));
            assert!(futures::poll!(&mut left).is_pending());
        }
        assert_eq!(tokens.subject(&token).await, Ok("ingest".to_owned()));
        assert_eq!(provider.asked(), 2);
    }

    #[test]
    fn what_a_provider_sends_is_limited() {
        let provider = Provider::start(" ".repeat(2 << 20));
        let message = Tokens::open(&settings(provider.url.clone()))
            .unwrap_err()
            .to_string();
        assert!(message.contains(&provider.url), "{message}");
        assert!(message.contains("larger than"), "{message}");
    }

    #[test]
    fn the_length_of_a_number_is_counted_in_bits() {
        let cases: [(&[u8], usize); 5] = [
            (&[], 0),
            (&[0, 0], 0),
            (&[1], 1),
            (&[0, 0x80, 0], 16),
            (&[0x7f, 0xff], 15),
        ];
        for (number, expected) in cases {
            assert_eq!(bits(number), expected);
        }
    }

    /// The answer to a token where the keys are in a file: nothing has to be waited for.
    fn answer(tokens: &Tokens, token: &str) -> Result<String, Refusal> {
        tokens.subject(token).now_or_never().unwrap()
    }

    /// JSON of any shape.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::hash_map("[a-z]{1,3}", inner, 0..3)
                    .prop_map(|fields| json!(fields)),
            ]
        })
    }

    /// A key with the right names and values of any kind.
    fn jwk() -> impl Strategy<Value = Value> {
        let text = |values: &[&'static str]| prop::sample::select(values.to_vec());
        let number = || "[A-Za-z0-9_-]{0,90}".prop_map(Value::from);
        let fields = (
            text(&["RSA", "EC", "OKP", "oct", "AKP"]),
            text(&["P-256", "Ed25519", "P-384", "X25519", "?"]),
            text(&["RS256", "ES256", "EdDSA", "none", "HS256"]),
            [number(), number(), number(), number()],
            prop::option::of(("alg|use|key_ops|kid|crv|kty|x|y|n|e", value())),
        );
        fields.prop_map(|(kty, crv, alg, [x, y, n, e], odd)| {
            let mut jwk = json!({ "kty": kty, "crv": crv, "alg": alg, "x": x, "y": y, "n": n, "e": e, "k": x });
            if let Some((name, value)) = odd {
                jwk[name] = value;
            }
            jwk
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_key_set_or_an_error(json in any::<Vec<u8>>()) {
            prop_assert!(Source::File("keys.json".into()).parse(&json).is_err());
        }

        #[test]
        fn any_key_is_taken_or_passed_over_and_no_signature_is_invented(jwks in prop::collection::vec(jwk(), 1..4)) {
            let json = json!({ "keys": jwks }).to_string();
            if let Ok(keys) = Source::File("keys.json".into()).parse(json.as_bytes()) {
                for key in keys.iter() {
                    let verified = crypto::verify("c2lnbmF0dXJl", b"message", &key.key, key.algorithm);
                    prop_assert!(matches!(verified, Ok(false)), "{:?}", verified);
                }
            }
        }
    }

    #[test]
    fn nothing_but_what_the_issuer_has_signed_is_a_token() {
        let mut issuer = Issuer::new();
        issuer.add_es256("a");
        issuer.add_ed25519("b");
        let tokens = in_file("any", &issuer.jwks()).unwrap();
        let genuine = issuer.sign("b", &claims("ingest"));
        let changed =
            (any::<prop::sample::Index>(), "[A-Za-z0-9_.=-]|\\PC").prop_map(|(at, by)| {
                let at = at.index(genuine.len());
                format!("{}{by}{}", &genuine[..at], &genuine[at + 1..])
            });
        let strategy = prop_oneof![
            any::<String>(),
            "([A-Za-z0-9_-]{0,40}\\.){2}[A-Za-z0-9_-]{0,90}",
            changed
        ];
        proptest!(|(token in strategy)| {
            prop_assert!(token == genuine || answer(&tokens, &token).is_err());
        });
    }

    #[test]
    fn signed_claims_of_any_shape_are_a_subject_or_a_refusal() {
        let mut issuer = Issuer::new();
        issuer.add_ed25519("a");
        let tokens = in_file("claims", &issuer.jwks()).unwrap();
        let name = "exp|nbf|iat|sub|iss|aud|jti";
        proptest!(|(odd in prop::collection::hash_map(name, value(), 0..4))| {
            let mut claims = claims("ingest");
            for (name, value) in odd {
                claims[name] = value;
            }
            if let Ok(subject) = answer(&tokens, &issuer.sign("a", &claims)) {
                prop_assert_eq!(Some(subject.as_str()), claims["sub"].as_str());
            }
        });
    }
}
