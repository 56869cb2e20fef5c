//! Certificates and keys in folders of their own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tagwerk::server::{auth::hash_of, tls::TlsSettings};
use tonic::transport::{Certificate, ClientTlsConfig};

/// A directory of its own that goes with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        // Renamed into place, as certificates are renewed: a reader never sees half a file.
        let (part, path) = (self.0.join(format!("{name}.part")), self.0.join(name));
        fs::write(&part, content).unwrap();
        fs::rename(&part, &path).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An authority and what it issues.
pub struct Authority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    /// A certificate for a name or address, and its key.
    pub fn issue(&self, name: &str) -> (String, String) {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// The files of a server of this name.
    pub fn serve(&self, folder: &Folder, name: &str, clients: Option<&Self>) -> TlsSettings {
        let (certificate, key) = self.issue(name);
        TlsSettings {
            certificate: folder.write("server.pem", certificate),
            key: folder.write("server.key", key),
            client_ca: clients.map(|clients| folder.write("clients.pem", &clients.pem)),
        }
    }

    /// How to connect to `tagwerk.test`.
    pub fn trusted(&self) -> ClientTlsConfig {
        ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.pem))
            .domain_name("tagwerk.test")
    }
}

/// The entry of a key in the file of keys.
pub fn entry(name: &str, key: &str, rest: &str) -> String {
    let hash = hash_of(key);
    format!("[[key]]\nname = \"{name}\"\nsha256 = \"{hash}\"\n{rest}\n")
}
