//! Certificates, keys and the model package change while callers call, and none of them notices.

use std::{
    fs,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tagwerk::server::auth::hash_of;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use super::{
    Failure,
    child::Child,
    load::{Caller, Outcome},
    plan::{Folder, PATIENCE, Plan},
    row::Row,
    texts,
};

/// The name in the certificates.
const HOST: &str = "tagwerk.test";

/// Callers that never pause.
const CALLERS: usize = 4;

/// Calls of one connection before a new one is opened, which sees the new certificate.
const CALLS_PER_CONNECTION: usize = 20;

/// The files of a model package.
const PACKAGE: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// How many files were taken up under load, and how many calls failed.
pub async fn rotation(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let folder = plan.folder("rotation")?;
    let authority = Authority::new()?;
    authority.renew(&folder)?;
    fs::create_dir_all(folder.path("package"))?;
    for name in PACKAGE {
        let copy = folder.path(&format!("package/{name}"));
        fs::copy(plan.model.join(name), copy)?;
    }
    let key_file = folder.write("keys.toml", &keys(&[0]))?;
    let package = folder.path("package");
    let child = Child::start(
        &Plan {
            model: package.into(),
            ..plan.clone()
        },
        &[
            "--tls-certificate",
            &folder.path("server.pem"),
            "--tls-key",
            &folder.path("server.key"),
            "--auth-keys",
            &key_file,
            "--watch-seconds",
            "1",
        ],
    )
    .await?;

    let shared = Arc::new(Shared::new(authority.endpoint(&child)?));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(Arc::clone(&shared).call_on());
    }
    let times = plan.count(5, 2);
    let (mut certificates, mut key_files, mut packages) = (0, 0, 0);
    let began = Instant::now();
    for number in 1..=times {
        authority.renew(&folder)?;
        certificates += usize::from(taken_up(&child, "certificates", number).await?);

        // The new key is known before callers use it, and the old one goes after they have left it.
        folder.write("keys.toml", &keys(&[number - 1, number]))?;
        key_files += usize::from(taken_up(&child, "keys", 2 * number - 1).await?);
        shared.key.store(number, Ordering::SeqCst);
        shared.until_no_call_has(number - 1).await?;
        folder.write("keys.toml", &keys(&[number]))?;
        key_files += usize::from(taken_up(&child, "keys", 2 * number).await?);

        new_version(&folder, number)?;
        packages += usize::from(taken_up(&child, "model", number).await?);
        // Some calls under everything that is new.
        sleep(Duration::from_millis(500)).await;
    }
    shared.over.store(true, Ordering::SeqCst);
    callers.join_all().await;

    let calls = shared.calls.load(Ordering::Relaxed);
    let resent = shared.resent.load(Ordering::Relaxed);
    let failed = shared.failed.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(vec![Row {
        name: "rotation",
        done: format!(
            "{certificates} certificates, {key_files} key files and {packages} model packages taken up in {:.0} s \
             beside {CALLERS} callers, new connections among them",
            began.elapsed().as_secs_f64()
        ),
        figure: format!(
            "{} of {calls} calls failed, {resent} were sent twice{}",
            failed.len(),
            failed
                .first()
                .map_or(String::new(), |first| format!("; {first}"))
        ),
        bound: "no call fails; every file is taken up",
        passed: failed.is_empty()
            && calls > 0
            && (certificates, key_files, packages) == (times, 2 * times, times),
    }])
}

/// Waits until so many files of a kind have been taken up.
async fn taken_up(child: &Child, what: &str, times: usize) -> Result<bool, Failure> {
    let series = format!(r#"tagwerk_reloads_total{{what="{what}",result="ok"}}"#);
    let enough = |count| count >= times as f64;
    child.reaches(&series, enough, PATIENCE).await
}

fn key(number: usize) -> String {
    format!("key-of-generation-{number}")
}

fn keys(numbers: &[usize]) -> String {
    let entry = |number: &usize| {
        let hash = hash_of(&key(*number));
        format!("[[key]]\nname = \"generation {number}\"\nsha256 = \"{hash}\"\n")
    };
    numbers.iter().map(entry).collect()
}

/// Gives the package another version, which is another fingerprint.
fn new_version(folder: &Folder, number: usize) -> Result<(), Failure> {
    let path = folder.path("package/config.json");
    let mut config: serde_json::Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    let version = config.get_mut("version").ok_or("no version")?;
    *version = format!("99.0.{number}").into();
    folder.write("package/config.json", &config.to_string())?;
    Ok(())
}

/// Who signs the server's certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Result<Self, Failure> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "chaos authority");
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);
        Ok(Self { pem, issuer })
    }

    /// Puts a new certificate and its key into place. Between the two files they do not belong together, which a
    /// server that looks just then has to bear.
    fn renew(&self, folder: &Folder) -> Result<(), Failure> {
        let params = CertificateParams::new(vec![HOST.to_owned()])?;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        folder.write("server.key", &key.serialize_pem())?;
        folder.write("server.pem", &certificate.pem())?;
        Ok(())
    }

    fn endpoint(&self, child: &Child) -> Result<Endpoint, Failure> {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.pem))
            .domain_name(HOST);
        let endpoint = Endpoint::from_shared(format!("https://{}", child.grpc))?;
        let endpoint = endpoint.connect_timeout(Duration::from_secs(10));
        Ok(endpoint.tls_config(tls)?)
    }
}

/// What the callers of this scenario share.
#[derive(Debug)]
struct Shared {
    endpoint: Endpoint,
    /// The generation of the key in use.
    key: AtomicUsize,
    /// Calls in flight with the keys of even and of odd generations.
    in_flight: [AtomicUsize; 2],
    calls: AtomicUsize,
    resent: AtomicUsize,
    failed: Mutex<Vec<String>>,
    over: AtomicBool,
}

impl Shared {
    fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            key: AtomicUsize::new(0),
            in_flight: Default::default(),
            calls: AtomicUsize::new(0),
            resent: AtomicUsize::new(0),
            failed: Mutex::default(),
            over: AtomicBool::new(false),
        }
    }

    /// Calls until it is told that it is over.
    async fn call_on(self: Arc<Self>) {
        while !self.over.load(Ordering::SeqCst) {
            let channel = self.endpoint.connect_lazy();
            for _ in 0..CALLS_PER_CONNECTION {
                self.call(&channel).await;
            }
        }
    }

    async fn call(&self, channel: &Channel) {
        let (generation, slot) = loop {
            let generation = self.key.load(Ordering::SeqCst);
            let slot = &self.in_flight[generation % 2];
            slot.fetch_add(1, Ordering::SeqCst);
            if self.key.load(Ordering::SeqCst) == generation {
                break (generation, slot);
            }
            // The key has changed in between.
            slot.fetch_sub(1, Ordering::SeqCst);
        };
        let outcome = self.call_with(channel, &key(generation)).await;
        slot.fetch_sub(1, Ordering::SeqCst);
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(reason) = outcome {
            self.failed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(reason);
        }
    }

    /// A call, once more where it did not reach the server. Returns why it failed.
    async fn call_with(&self, channel: &Channel, key: &str) -> Option<String> {
        let caller = match Caller::new(channel.clone()).with_key(key) {
            Ok(caller) => caller,
            Err(error) => return Some(error.to_string()),
        };
        let mut outcome = caller.tag(texts::SENTENCE, PATIENCE).await;
        if let Outcome::Lost(_) = outcome {
            self.resent.fetch_add(1, Ordering::Relaxed);
            outcome = caller.tag(texts::SENTENCE, PATIENCE).await;
        }
        (!outcome.is_answered()).then(|| format!("{outcome:?}"))
    }

    /// Waits until no call of this generation is in flight.
    async fn until_no_call_has(&self, generation: usize) -> Result<(), Failure> {
        let began = Instant::now();
        while self.in_flight[generation % 2].load(Ordering::SeqCst) > 0 {
            if began.elapsed() > PATIENCE {
                return Err("a call does not end".into());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}
