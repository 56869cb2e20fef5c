//! Wrong credentials: who shows them is not served, and nothing of them or of a text is written down anywhere.

use std::time::Duration;

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, encode, get_current_timestamp, jwk::Jwk,
};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};
use tagwerk::{
    proto::tagwerk::v1::{Document, TagRequest},
    server::auth::hash_of,
};
use tokio::time::timeout;
use tonic::{Code, Request, metadata::AsciiMetadataValue};

use super::{
    Failure,
    child::Child,
    load::Client,
    plan::{PATIENCE, Plan},
    row::Row,
};

/// A word that stands in the texts alone.
const SECRET: &str = "Zwiebelturmwaechterin";

/// A key that opens.
const KEY: &str = "geheimer-schluessel-eins";

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "tagwerk";

/// Tries a table of credentials, and searches log and metrics for them.
pub async fn credentials(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let folder = plan.folder("credentials")?;
    let keys = format!(
        "[[key]]\nname = \"ingest\"\nsha256 = \"{}\"\n",
        hash_of(KEY)
    );
    let (own, other) = (Signer::new("own")?, Signer::new("own")?);
    let jwks = json!({ "keys": [own.public.clone()] }).to_string();
    let child = Child::start(
        plan,
        &[
            "--auth-keys",
            &folder.write("keys.toml", &keys)?,
            "--auth-jwks",
            &folder.write("jwks.json", &jwks)?,
            "--auth-issuer",
            ISSUER,
            "--auth-audience",
            AUDIENCE,
            "--auth-leeway-seconds",
            "5",
            // All that the program can say; of the transport's own lines nobody promises anything.
            "--log",
            "info,tagwerk=trace",
        ],
    )
    .await?;

    let cases = cases(&own, &other)?;
    let mut client = Client::new(child.channel()?);
    let mut wrong = Vec::new();
    for case in &cases {
        let code = case.code(&mut client).await?;
        let is_denied = matches!(code, Code::Unauthenticated | Code::PermissionDenied);
        if (case.opens && code != Code::Ok) || (!case.opens && !is_denied) {
            wrong.push(format!("{}: {code:?}", case.name));
        }
    }
    let good = cases.iter().filter(|case| case.opens).count();
    let bad = cases.len() - good;

    let metrics = child.metrics().await?.0;
    // The last lines of the log come a little later than the last answer.
    child.quiets_down(PATIENCE).await?;
    let log = child.log();
    let mut needles = vec![SECRET];
    needles.extend(cases.iter().flat_map(Case::needles));
    let found: Vec<&str> = needles
        .iter()
        .filter(|needle| log.text.contains(**needle) || metrics.contains(**needle))
        .copied()
        .collect();
    let searched = format!(
        "{} bytes of log at the level of tracing, {} bytes of metrics, for {} credentials and a word of the text",
        log.text.len(),
        metrics.len(),
        needles.len() - 1
    );
    Ok(vec![
        Row {
            name: "credentials: who is let in",
            done: format!("{bad} wrong credentials, {good} right ones; keys and tokens"),
            figure: match wrong.is_empty() {
                true => format!("{bad} denied, {good} served"),
                false => wrong.join("; "),
            },
            bound: "UNAUTHENTICATED or PERMISSION_DENIED for all but the right",
            passed: wrong.is_empty(),
        },
        Row {
            name: "credentials: what is written down",
            done: searched,
            figure: match found.is_empty() {
                true => "found nowhere".to_owned(),
                false => format!("{} found: {}", found.len(), found.join(", ")),
            },
            bound: "neither text nor credential",
            // A log without the calls would prove nothing.
            passed: found.is_empty() && !log.is_cut && log.text.contains("call ended"),
        },
    ])
}

/// What one call shows.
struct Case {
    name: &'static str,
    /// Headers with their values.
    shown: Vec<(&'static str, String)>,
    opens: bool,
}

impl Case {
    async fn code(&self, client: &mut Client) -> Result<Code, Failure> {
        let mut request = Request::new(TagRequest {
            document: Some(Document {
                text: format!("{SECRET} grüßt Kiel."),
                ..Document::default()
            }),
            options: None,
        });
        request.set_timeout(Duration::from_secs(30));
        for (header, value) in &self.shown {
            let value: AsciiMetadataValue = value.parse()?;
            request.metadata_mut().append(*header, value);
        }
        let answer = timeout(PATIENCE, client.tag(request)).await;
        let answer = answer.map_err(|_| format!("{}: the call hangs", self.name))?;
        Ok(answer.err().map_or(Code::Ok, |status| status.code()))
    }

    /// The parts of the credential that must not be found anywhere.
    fn needles(&self) -> impl Iterator<Item = &str> {
        let parts = self.shown.iter().map(|(_, value)| {
            let value = value.rsplit(' ').next().unwrap_or_default();
            // Of a token the signature is enough: the rest can be told by anybody.
            value
                .rsplit('.')
                .find(|part| !part.is_empty())
                .unwrap_or(value)
        });
        parts.filter(|part| part.len() >= 8)
    }
}

/// The table.
fn cases(own: &Signer, other: &Signer) -> Result<Vec<Case>, Failure> {
    let now = get_current_timestamp();
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ingest", "exp": now + 600, "nbf": now - 600,
    });
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let bearer = |token: String| vec![("authorization", format!("Bearer {token}"))];
    let key = |header: &'static str, value: &str| vec![(header, value.to_owned())];
    let good = own.sign(&claims)?;
    let mut cut = good.clone();
    cut.truncate(good.len() - 10);
    let (head, rest) = good.split_once('.').ok_or("no token")?;
    let payload = rest.split_once('.').ok_or("no token")?.0;
    // {"alg":"none"} in base64.
    let unsigned = format!("eyJhbGciOiJub25lIn0.{payload}.");
    let public = EncodingKey::from_secret(own.public.to_string().as_bytes());
    let confused = encode(&Header::new(Algorithm::HS256), &claims, &public)?;
    let foreign = other.sign(&claims)?;
    let swapped = format!(
        "{head}.{payload}.{}",
        foreign.rsplit('.').next().unwrap_or_default()
    );
    let (api, goog) = ("x-api-key", "x-goog-api-key");
    #[rustfmt::skip]
    let table = [
        ("the key", key(api, KEY), true),
        ("the key as Google's clients send it", key(goog, KEY), true),
        ("the key as a bearer", bearer(KEY.to_owned()), true),
        ("a token", bearer(good), true),
        ("nothing", Vec::new(), false),
        ("an unknown key", key(api, "geheimer-schluessel-zwei"), false),
        ("an empty key", key(api, ""), false),
        ("the key in capitals", key(api, &KEY.to_uppercase()), false),
        ("the hash of the key", key(api, &hash_of(KEY)), false),
        ("a beginning of the key", key(api, &KEY[..KEY.len() - 1]), false),
        ("the key and another", vec![(api, KEY.to_owned()), (api, "geheimer-schluessel-drei".to_owned())], false),
        ("the key as a password", key("authorization", &format!("Basic {KEY}")), false),
        ("a very long key", key(api, &"geheim".repeat(500)), false),
        ("a token of another signer", bearer(foreign), false),
        ("a token with another's signature", bearer(swapped), false),
        ("a token that is cut off", bearer(cut), false),
        ("a token without a signature", bearer(unsigned), false),
        ("a token signed with the public key", bearer(confused), false),
        ("a token that has expired", bearer(own.sign(&with("exp", json!(now - 60)))?), false),
        ("a token of tomorrow", bearer(own.sign(&with("nbf", json!(now + 86_400)))?), false),
        ("a token of another issuer", bearer(own.sign(&with("iss", json!("https://other.example")))?), false),
        ("a token for somebody else", bearer(own.sign(&with("aud", json!("weather")))?), false),
        ("a token without a subject", bearer(own.sign(&with("sub", Value::Null))?), false),
        ("no token at all", bearer("keine.echte.wertmarke".to_owned()), false),
    ];
    let case = |(name, shown, opens)| Case { name, shown, opens };
    Ok(table.into_iter().map(case).collect())
}

/// Who signs tokens.
struct Signer {
    kid: &'static str,
    private: EncodingKey,
    public: Value,
}

impl Signer {
    fn new(kid: &'static str) -> Result<Self, Failure> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let public = DecodingKey::from_ec_der(pair.public_key_raw());
        let mut jwk = Jwk::from_decoding_key(&public, Some(Algorithm::ES256))?;
        jwk.common.key_id = Some(kid.to_owned());
        Ok(Self {
            kid,
            private: EncodingKey::from_ec_der(pair.serialized_der()),
            public: serde_json::to_value(&jwk)?,
        })
    }

    fn sign(&self, claims: &Value) -> Result<String, Failure> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.kid.to_owned());
        Ok(encode(&header, claims, &self.private)?)
    }
}
