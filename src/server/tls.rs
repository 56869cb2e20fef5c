//! TLS on the gRPC port: the server's certificate, and the certificates that clients have to show.
//!
//! The files are read at start and again on demand, so that certificates can be renewed without a restart. Connections
//! keep the certificates with which they were opened.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use sha2::{Digest as _, Sha256};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        Error as RustlsError, InconsistentKeys, RootCertStore, ServerConfig, ServerConnection,
        crypto::{CryptoProvider, ring},
        pki_types::{
            CertificateDer, PrivateKeyDer,
            pem::{Error as PemError, PemObject as _},
        },
        server::{WebPkiClientVerifier, danger::ClientCertVerifier},
        version::{TLS12, TLS13},
    },
};
use tracing::warn;
use x509_parser::{
    certificate::{Validity, X509Certificate},
    extensions::GeneralName,
    parse_x509_certificate,
    time::ASN1Time,
};

/// The only protocol spoken over TLS: gRPC is HTTP/2.
const PROTOCOL: &[u8] = b"h2";

/// The files that TLS needs, all in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The server's certificate, followed by the intermediate ones.
    pub certificate: PathBuf,
    /// The private key of the certificate, not encrypted: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
    /// The certificates of the authorities one of which must have issued a client's certificate. None: clients need no
    /// certificate.
    pub client_ca: Option<PathBuf>,
}

/// Files that cannot be used for TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}{}", path.display(), read_hint(source))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not PEM, or broken.
    #[error("{}: {problem}; it must hold {expected} in PEM", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
        /// What the file is for.
        expected: &'static str,
    },
    /// A file does not hold what it is for.
    #[error("{}: there is no {missing} in it; {hint}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// "certificate" or "private key".
        missing: &'static str,
        /// What would be right.
        hint: &'static str,
    },
    /// The key belongs to another certificate.
    #[error(
        "the key in {} does not belong to the first certificate in {}; give the two that were made together, and put \
         the server's own certificate before the intermediate ones",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// A certificate or key of a kind that cannot be used.
    #[error("{}: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

fn read_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "; check the path, a relative one starts at the working directory"
        }
        io::ErrorKind::PermissionDenied => "; let the user that runs the server read it",
        _ => "",
    }
}

/// The subject of the client certificate that was verified when the connection was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSubject(pub String);

/// The certificates in use. They can be read again while connections are accepted.
#[derive(Debug)]
pub struct Tls {
    settings: TlsSettings,
    present: RwLock<Present>,
}

/// What was last read without an error.
#[derive(Debug)]
struct Present {
    /// Of the bytes of all files. The key itself need not lie in memory twice.
    digest: [u8; 32],
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Reads the files. Blocks.
    ///
    /// # Errors
    /// The file that cannot be used, and why.
    pub fn open(settings: &TlsSettings) -> Result<Self, TlsError> {
        let files = Files::read(settings)?;
        Ok(Self {
            settings: settings.clone(),
            present: RwLock::new(Present {
                digest: files.digest(),
                config: files.config(settings)?,
            }),
        })
    }

    /// Reads the files again and uses them for new connections; false where nothing has changed. Blocks.
    ///
    /// # Errors
    /// The file that cannot be used, and why. What was read before stays in use.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let files = Files::read(&self.settings)?;
        let digest = files.digest();
        if self
            .present
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .digest
            == digest
        {
            return Ok(false);
        }
        let config = files.config(&self.settings)?;
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = Present { digest, config };
        Ok(true)
    }

    /// Accepts a connection with the present certificates. Take a new one for each connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        let present = self.present.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(present.config.clone())
    }
}

/// The bytes of the files.
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Files {
    fn read(settings: &TlsSettings) -> Result<Self, TlsError> {
        Ok(Self {
            certificate: read(&settings.certificate)?,
            key: read(&settings.key)?,
            client_ca: settings.client_ca.as_deref().map(read).transpose()?,
        })
    }

    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let client_ca = self.client_ca.as_deref().unwrap_or_default();
        for bytes in [&self.certificate, &self.key, client_ca] {
            digest.update(bytes.len().to_le_bytes());
            digest.update(bytes);
        }
        digest.finalize().into()
    }

    fn config(&self, settings: &TlsSettings) -> Result<Arc<ServerConfig>, TlsError> {
        let path = &settings.certificate;
        let chain = certificates(path, &self.certificate)?;
        let key = private_key(&settings.key, &self.key)?;
        if let Some(leaf) = chain.first() {
            let (_, leaf) = parse_x509_certificate(leaf).map_err(|_| TlsError::Unusable {
                path: path.clone(),
                problem: "the first certificate in it is broken".into(),
            })?;
            warn_of(path, leaf.validity());
        }
        // Given by name, since other parts of the program may install another for the process.
        let provider = Arc::new(ring::default_provider());
        let unusable = |path: &Path, error: RustlsError| TlsError::Unusable {
            path: path.to_owned(),
            problem: format!("it cannot be used: {error}"),
        };
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| unusable(path, error))?;
        let builder = match (&settings.client_ca, &self.client_ca) {
            (Some(path), Some(pem)) => {
                builder.with_client_cert_verifier(verifier(path, pem, provider)?)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| match error {
                RustlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    TlsError::Mismatch {
                        certificate: path.clone(),
                        key: settings.key.clone(),
                    }
                }
                RustlsError::InvalidCertificate(_) => unusable(path, error),
                error => unusable(&settings.key, error),
            })?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| malformed(path, &error, "certificates"))?;
    if certificates.is_empty() {
        return Err(TlsError::Missing {
            path: path.to_owned(),
            missing: "certificate",
            hint: if contains(pem, b"PRIVATE KEY-----") {
                "this is a private key: the files seem to be swapped"
            } else {
                "it must hold a block that begins with -----BEGIN CERTIFICATE-----"
            },
        });
    }
    Ok(certificates)
}

fn private_key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        PemError::NoItemsFound => TlsError::Missing {
            path: path.to_owned(),
            missing: "private key",
            hint: if contains(pem, b"ENCRYPTED PRIVATE KEY-----") {
                "this one is encrypted: decrypt it, for example with openssl pkey"
            } else if contains(pem, b"-----BEGIN CERTIFICATE-----") {
                "this is a certificate: the files seem to be swapped"
            } else {
                "it must hold a block that begins with -----BEGIN PRIVATE KEY-----"
            },
        },
        error => malformed(path, &error, "a private key"),
    })
}

/// The error of a file that is not PEM. The parser's own message may hold a line of the file.
fn malformed(path: &Path, error: &PemError, expected: &'static str) -> TlsError {
    let problem = match error {
        PemError::MissingSectionEnd { .. } => "a block has no end",
        PemError::IllegalSectionStart { .. } => "a block begins with a broken line",
        PemError::Base64Decode(_) => "a block is not in base64",
        _ => "it cannot be parsed",
    };
    TlsError::Malformed {
        path: path.to_owned(),
        problem: problem.into(),
        expected,
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// What checks that clients have a certificate of one of these authorities.
fn verifier(
    path: &Path,
    pem: &[u8],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let unusable = |problem: String| TlsError::Unusable {
        path: path.to_owned(),
        problem,
    };
    let mut authorities = RootCertStore::empty();
    for (number, authority) in (1..).zip(certificates(path, pem)?) {
        if let Ok((_, authority)) = parse_x509_certificate(&authority) {
            warn_of(path, authority.validity());
        }
        authorities.add(authority).map_err(|error| {
            unusable(format!(
                "certificate {number} in it is not an authority's: {error}"
            ))
        })?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider)
        .build()
        .map_err(|error| unusable(format!("clients cannot be verified with it: {error}")))
}

/// Logs that a certificate is not valid now. That is no error: it could not be mended by not starting.
fn warn_of(path: &Path, validity: &Validity) {
    if let Some(problem) = problem_at(validity, ASN1Time::now()) {
        warn!(certificate = %path.display(), "{problem}");
    }
}

fn problem_at(validity: &Validity, now: ASN1Time) -> Option<String> {
    let Validity {
        not_before,
        not_after,
    } = validity;
    if now > *not_after {
        Some(format!("the certificate expired on {not_after}"))
    } else if now < *not_before {
        Some(format!("the certificate is not valid before {not_before}"))
    } else {
        None
    }
}

/// The name of the client in its certificate, which was verified when the connection was opened: the first URI among
/// its alternative names (a SPIFFE id), else the first DNS name, else the common name. None without a certificate or
/// such a name.
pub fn subject(connection: &ServerConnection) -> Option<String> {
    let (_, certificate) = parse_x509_certificate(connection.peer_certificates()?.first()?).ok()?;
    name_of(&certificate)
}

fn name_of(certificate: &X509Certificate<'_>) -> Option<String> {
    let alternative = certificate.subject_alternative_name().ok()?;
    let names = alternative.map_or(&[][..], |names| &names.value.general_names);
    let uri = names.iter().find_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let dns = || {
        names.iter().find_map(|name| match name {
            GeneralName::DNSName(dns) => Some(*dns),
            _ => None,
        })
    };
    let common = || {
        certificate
            .subject()
            .iter_common_name()
            .next()?
            .as_str()
            .ok()
    };
    uri.or_else(dns)
        .or_else(common)
        // It becomes part of log lines.
        .filter(|name| !name.is_empty() && !name.contains(char::is_control))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::process;

    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType,
        date_time_ymd,
    };
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio_rustls::{
        TlsConnector,
        rustls::{ClientConfig, SupportedProtocolVersion, pki_types::ServerName},
    };

    use super::*;

    /// A folder of this test's own, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let root = std::env::temp_dir().join(format!("tagwerk-tls-{test}-{}", process::id()));
            fs::create_dir_all(&root).unwrap();
            Self(root)
        }

        fn write(&self, file: &str, content: &str) -> PathBuf {
            let path = self.0.join(file);
            fs::write(&path, content).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    type Authority = CertifiedIssuer<'static, KeyPair>;

    fn authority() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    /// A certificate and its key in PEM.
    fn issue(authority: &Authority, params: &CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn localhost() -> CertificateParams {
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap()
    }

    fn named(common_name: Option<&str>, names: Vec<SanType>) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if let Some(name) = common_name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params.subject_alt_names = names;
        params
    }

    fn settings(folder: &Folder, certificate: &str, key: &str) -> TlsSettings {
        TlsSettings {
            certificate: folder.write("server.pem", certificate),
            key: folder.write("server.key", key),
            client_ca: None,
        }
    }

    fn client(
        authority: &Authority,
        identity: Option<(String, String)>,
        protocol: &[u8],
        version: &'static SupportedProtocolVersion,
    ) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            Some((certificate, key)) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
                )
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![protocol.to_vec()];
        TlsConnector::from(Arc::new(config))
    }

    /// Opens a connection: the client's subject and the protocol as the server sees them.
    async fn connect(tls: &Tls, client: TlsConnector) -> io::Result<(Option<String>, Vec<u8>)> {
        let (here, there) = duplex(1 << 16);
        let name = ServerName::try_from("localhost").unwrap();
        let talk = async {
            // With TLS 1.3 a client learns only from the answer whether its certificate was accepted.
            let mut stream = client.connect(name, here).await?;
            stream.write_all(b"?").await?;
            stream.flush().await?;
            stream.read_u8().await
        };
        let answer = async {
            let mut stream = tls.acceptor().accept(there).await?;
            stream.read_u8().await?;
            stream.write_all(b"!").await?;
            stream.flush().await?;
            let connection = stream.get_ref().1;
            let protocol = connection.alpn_protocol().unwrap_or_default().to_vec();
            Ok((subject(connection), protocol))
        };
        let (talked, answered) = tokio::join!(talk, answer);
        talked.and(answered)
    }

    #[tokio::test]
    async fn a_client_without_a_certificate_connects_where_none_is_asked_for() {
        let folder = Folder::new("plain");
        let authority = authority();
        let (certificate, key) = issue(&authority, &localhost());
        let tls = Tls::open(&settings(&folder, &certificate, &key)).unwrap();
        for version in [&TLS12, &TLS13] {
            let client = client(&authority, None, PROTOCOL, version);
            let (subject, protocol) = connect(&tls, client).await.unwrap();
            assert_eq!((subject, protocol), (None, b"h2".to_vec()));
        }
    }

    #[tokio::test]
    async fn a_client_that_does_not_speak_http_2_is_refused() {
        let folder = Folder::new("protocol");
        let authority = authority();
        let (certificate, key) = issue(&authority, &localhost());
        let tls = Tls::open(&settings(&folder, &certificate, &key)).unwrap();
        let client = client(&authority, None, b"http/1.1", &TLS13);
        assert!(connect(&tls, client).await.is_err());
    }

    #[tokio::test]
    async fn only_certificates_of_the_client_authority_are_accepted() {
        let folder = Folder::new("clients");
        let (server_ca, client_ca, other_ca) = (authority(), authority(), authority());
        let (certificate, key) = issue(&server_ca, &localhost());
        let settings = TlsSettings {
            client_ca: Some(folder.write("clients.pem", &client_ca.pem())),
            ..settings(&folder, &certificate, &key)
        };
        let tls = Tls::open(&settings).unwrap();
        let params = named(Some("ingest"), Vec::new());
        let mut past = params.clone();
        past.not_after = date_time_ymd(2020, 1, 1);
        let cases = [
            ("none", None, false),
            (
                "of another authority",
                Some(issue(&other_ca, &params)),
                false,
            ),
            ("of the server's", Some(issue(&server_ca, &params)), false),
            ("expired", Some(issue(&client_ca, &past)), false),
            ("good", Some(issue(&client_ca, &params)), true),
        ];
        for version in [&TLS12, &TLS13] {
            for (case, identity, accepted) in &cases {
                let client = client(&server_ca, identity.clone(), PROTOCOL, version);
                let subject = connect(&tls, client).await.ok().map(|(subject, _)| subject);
                let expected = accepted.then(|| Some("ingest".to_owned()));
                assert_eq!(subject, expected, "{case} {version:?}");
            }
        }
    }

    #[test]
    fn a_subject_is_the_uri_else_the_dns_name_else_the_common_name() {
        let uri = |uri: &str| SanType::URI(uri.try_into().unwrap());
        let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
        let spiffe = "spiffe://news.example/ingest";
        #[rustfmt::skip]
        let cases = [
            (named(Some("cn"), vec![dns("a.example"), uri(spiffe), uri("urn:b")]), Some(spiffe)),
            (named(Some("cn"), vec![dns("a.example"), dns("b.example")]), Some("a.example")),
            (named(Some("cn"), vec![SanType::IpAddress([127, 0, 0, 1].into())]), Some("cn")),
            (named(Some("cn"), vec![]), Some("cn")),
            (named(None, vec![]), None),
            (named(Some("a\nb"), vec![]), None),
        ];
        for (params, expected) in cases {
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            let (_, certificate) = parse_x509_certificate(certificate.der()).unwrap();
            assert_eq!(name_of(&certificate).as_deref(), expected);
        }
    }

    #[test]
    fn an_error_names_the_file_and_what_is_wrong() {
        let folder = Folder::new("errors");
        let authority = authority();
        let (certificate, key) = issue(&authority, &localhost());
        let (_, other_key) = issue(&authority, &localhost());
        let broken = certificate.replace("-----END", "----END");
        let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let encrypted =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let (good, none) = (certificate.as_str(), "nothing");
        #[rustfmt::skip]
        let cases = [
            (none, key.as_str(), "server.pem: there is no certificate in it; it must hold"),
            (&key, good, "server.pem: there is no certificate in it; this is a private key"),
            (&broken, &key, "server.pem: a block has no end"),
            (no_der, &key, "server.pem: the first certificate in it is broken"),
            (good, none, "server.key: there is no private key in it; it must hold"),
            (good, good, "server.key: there is no private key in it; this is a certificate"),
            (good, encrypted, "server.key: there is no private key in it; this one is encrypted"),
            (good, &other_key, "does not belong to the first certificate in"),
        ];
        for (certificate, key, expected) in cases {
            let error = Tls::open(&settings(&folder, certificate, key)).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(expected), "{message}\n{expected}");
        }
    }

    #[test]
    fn a_missing_file_is_named_with_a_hint() {
        let folder = Folder::new("missing");
        let (certificate, key) = issue(&authority(), &localhost());
        let good = settings(&folder, &certificate, &key);
        let missing = folder.0.join("missing.pem");
        let with = |certificate: &Path, key: &Path, client_ca: Option<&Path>| TlsSettings {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            client_ca: client_ca.map(Path::to_owned),
        };
        for settings in [
            with(&missing, &good.key, None),
            with(&good.certificate, &missing, None),
            with(&good.certificate, &good.key, Some(&missing)),
        ] {
            let message = Tls::open(&settings).unwrap_err().to_string();
            assert!(
                message.contains(&missing.display().to_string()),
                "{message}"
            );
            assert!(message.contains("check the path"), "{message}");
        }
    }

    #[tokio::test]
    async fn a_renewed_certificate_is_used_for_new_connections() {
        let folder = Folder::new("reload");
        let (old, new) = (authority(), authority());
        let (certificate, key) = issue(&old, &localhost());
        let settings = settings(&folder, &certificate, &key);
        let tls = Tls::open(&settings).unwrap();
        assert!(!tls.reload().unwrap());

        let (certificate, key) = issue(&new, &localhost());
        fs::write(&settings.certificate, certificate).unwrap();
        // Between the two writes certificate and key do not belong together.
        assert!(matches!(tls.reload(), Err(TlsError::Mismatch { .. })));
        assert!(
            connect(&tls, client(&old, None, PROTOCOL, &TLS13))
                .await
                .is_ok()
        );

        fs::write(&settings.key, key).unwrap();
        assert!(tls.reload().unwrap());
        assert!(
            connect(&tls, client(&new, None, PROTOCOL, &TLS13))
                .await
                .is_ok()
        );
        assert!(
            connect(&tls, client(&old, None, PROTOCOL, &TLS13))
                .await
                .is_err()
        );
        assert!(!tls.reload().unwrap());
    }

    #[test]
    fn a_certificate_that_is_not_valid_now_is_told_with_its_date() {
        let mut params = localhost();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (_, certificate) = parse_x509_certificate(certificate.der()).unwrap();
        // The middle of 2019, 2020 and 2021.
        for (now, expected) in [
            (1_561_939_200, Some("is not valid before")),
            (1_593_561_600, None),
            (1_625_097_600, Some("expired on")),
        ] {
            let now = ASN1Time::from_timestamp(now).unwrap();
            let problem = problem_at(certificate.validity(), now);
            match (&problem, expected) {
                (Some(problem), Some(expected)) => assert!(problem.contains(expected), "{problem}"),
                (problem, expected) => assert_eq!(problem.as_deref(), expected),
            }
        }
    }
}
