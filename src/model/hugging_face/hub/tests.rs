use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::*;

const FIRST: &str = "1111111111111111111111111111111111111111";
const SECOND: &str = "2222222222222222222222222222222222222222";

/// What the hub of a test answers.
#[derive(Clone, Default)]
struct Answers {
    /// The commit of the branch.
    commit: &'static str,
    /// Files by their names; one that is large lies elsewhere.
    files: HashMap<&'static str, (Vec<u8>, bool)>,
    /// The token without which nothing is given.
    token: Option<&'static str>,
    /// Send half of each large file.
    breaks_off: bool,
    /// Send other bytes than the tag says.
    lies: bool,
}

/// A server that behaves as a hub does: it names the commit, and redirects to where large files lie, which is another
/// address.
struct TestHub {
    url: String,
    answers: Arc<Mutex<Answers>>,
    /// Each request: its path and whether it bore a token.
    asked: Arc<Mutex<Vec<(String, bool)>>>,
    over: Arc<AtomicBool>,
    cache: PathBuf,
}

impl TestHub {
    fn new(test: &str, answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let name = format!("tagwerk-{}-hub-{test}", std::process::id());
        let hub = Self {
            url: format!("http://127.0.0.1:{port}"),
            answers: Arc::new(Mutex::new(answers)),
            asked: Arc::default(),
            over: Arc::default(),
            cache: env::temp_dir().join(name),
        };
        let (answers, asked, over) = (
            Arc::clone(&hub.answers),
            Arc::clone(&hub.asked),
            Arc::clone(&hub.over),
        );
        thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let answers = answers.lock().unwrap().clone();
                serve(&stream.unwrap(), &answers, &asked, port);
            }
        });
        hub
    }

    fn client(&self, variables: &[(&str, &str)]) -> Hub {
        Hub::new(|name| {
            let own = [
                ("HF_ENDPOINT", self.url.as_str()),
                ("HF_HUB_CACHE", self.cache.to_str().unwrap()),
            ];
            let mut all = variables.iter().chain(&own);
            all.find(|(known, _)| *known == name)
                .map(|(_, value)| value.to_string())
        })
    }

    fn asked(&self) -> Vec<(String, bool)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn change(&self, change: impl FnOnce(&mut Answers)) {
        change(&mut self.answers.lock().unwrap());
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        let _ = fs::remove_dir_all(&self.cache);
    }
}

fn serve(stream: &TcpStream, answers: &Answers, asked: &Mutex<Vec<(String, bool)>>, port: u16) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let token = headers.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("authorization")
            .then(|| value.to_owned())
    });
    asked.lock().unwrap().push((path.clone(), token.is_some()));
    let mut stream = stream;
    let mut send = |status: &str, headers: &str, body: &[u8], promised: usize| {
        let head = format!(
            "HTTP/1.1 {status}\r\n{headers}content-length: {promised}\r\nconnection: close\r\n\r\n"
        );
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(body);
    };
    if let Some(name) = path.strip_prefix("/elsewhere/") {
        let Some((body, _)) = answers.files.get(name) else {
            return send("404 Not Found", "", b"", 0);
        };
        let mut body = body.clone();
        if answers.lies {
            body[0] ^= 1;
        }
        let sent = if answers.breaks_off {
            body.len() / 2
        } else {
            body.len()
        };
        return send("200 OK", "etag: \"abc\"\r\n", &body[..sent], body.len());
    }
    if answers
        .token
        .is_some_and(|wanted| token != Some(format!("Bearer {wanted}")))
    {
        return send("401 Unauthorized", "", b"", 0);
    }
    let Some((revision, name)) = path
        .strip_prefix("/owner/model/resolve/")
        .and_then(|rest| rest.split_once('/'))
    else {
        return send("404 Not Found", "x-error-code: RepoNotFound\r\n", b"", 0);
    };
    if ![answers.commit, "main"].contains(&revision) {
        return send(
            "404 Not Found",
            "x-error-code: RevisionNotFound\r\n",
            b"",
            0,
        );
    }
    let commit = format!("x-repo-commit: {}\r\n", answers.commit);
    match answers.files.get(name) {
        None => {
            let headers = format!("{commit}x-error-code: EntryNotFound\r\n");
            send("404 Not Found", &headers, b"", 0);
        }
        Some((body, false)) => {
            let headers = format!("{commit}etag: \"{}\"\r\n", "a".repeat(40));
            send("200 OK", &headers, body, body.len());
        }
        Some((body, true)) => {
            let hash = files::hex(&Sha256::digest(body));
            // The same machine by another name, and so another host.
            let to = format!("http://localhost:{port}/elsewhere/{name}");
            let headers = format!("{commit}x-linked-etag: \"{hash}\"\r\nlocation: {to}\r\n");
            send("302 Found", &headers, b"", 0);
        }
    }
}

fn answers() -> Answers {
    Answers {
        commit: FIRST,
        files: HashMap::from([
            ("config.json", (b"{}".to_vec(), false)),
            ("tokenizer.json", (b"{\"a\":1}".to_vec(), false)),
            ("model.safetensors", (vec![7; 100_000], true)),
        ]),
        ..Answers::default()
    }
}

#[test]
fn a_model_is_fetched_once_and_kept_as_other_clients_keep_it() {
    let hub = TestHub::new("once", answers());
    let folder = hub.client(&[]).fetch("owner/model", None).unwrap();
    let model = hub.cache.join("models--owner--model");
    assert_eq!(folder, model.join("snapshots").join(FIRST));
    assert_eq!(
        fs::read(folder.join("model.safetensors")).unwrap(),
        vec![7; 100_000]
    );
    assert_eq!(fs::read_to_string(model.join("refs/main")).unwrap(), FIRST);
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        3,
        "something lies about"
    );
    // The first file tells the commit, and the others are asked for by it.
    let paths: Vec<String> = hub.asked().into_iter().map(|(path, _)| path).collect();
    let of_commit = |name: &str| format!("/owner/model/resolve/{FIRST}/{name}");
    assert_eq!(
        paths,
        [
            "/owner/model/resolve/main/config.json".to_owned(),
            of_commit("tokenizer.json"),
            of_commit("model.safetensors"),
            "/elsewhere/model.safetensors".to_owned(),
        ]
    );
    // A commit never changes; a branch is asked for, and its files are here.
    hub.client(&[]).fetch("owner/model", Some(FIRST)).unwrap();
    assert!(hub.asked().is_empty());
    hub.client(&[]).fetch("owner/model", None).unwrap();
    assert_eq!(hub.asked().len(), 1);
}

#[test]
fn a_branch_that_moved_on_is_fetched_anew() {
    let hub = TestHub::new("moved", answers());
    hub.client(&[]).fetch("owner/model", None).unwrap();
    hub.change(|answers| answers.commit = SECOND);
    let folder = hub.client(&[]).fetch("owner/model", Some("main")).unwrap();
    assert!(folder.ends_with(SECOND), "{}", folder.display());
}

#[test]
fn the_token_goes_to_the_hub_and_not_where_it_redirects_to() {
    let hub = TestHub::new("token", answers());
    hub.change(|answers| answers.token = Some("secret"));
    let error = hub.client(&[]).fetch("owner/model", None).unwrap_err();
    assert!(error.to_string().contains("HF_TOKEN"), "{error}");
    hub.asked();
    hub.client(&[("HF_TOKEN", "secret")])
        .fetch("owner/model", None)
        .unwrap();
    for (path, bore) in hub.asked() {
        assert_eq!(bore, !path.starts_with("/elsewhere"), "{path}");
    }
    let error = hub
        .client(&[("HF_TOKEN", "wrong")])
        .fetch("owner/model", Some("main"));
    // What is here is used where the hub does not give it.
    assert!(error.is_ok());
}

#[test]
fn without_the_hub_what_is_here_is_used() {
    let hub = TestHub::new("gone", answers());
    let offline = [("HF_HUB_OFFLINE", "1")];
    let error = hub.client(&offline).fetch("owner/model", None).unwrap_err();
    assert!(
        error.to_string().contains("HF_HUB_OFFLINE is set"),
        "{error}"
    );
    assert!(hub.asked().is_empty());
    let folder = hub.client(&[]).fetch("owner/model", None).unwrap();
    hub.asked();
    assert_eq!(
        hub.client(&offline).fetch("owner/model", None).unwrap(),
        folder
    );
    assert!(hub.asked().is_empty());
    // Nobody listens on port 1.
    let gone = [("HF_ENDPOINT", "http://127.0.0.1:1")];
    assert_eq!(
        hub.client(&gone).fetch("owner/model", None).unwrap(),
        folder
    );
}

#[test]
fn a_file_that_breaks_off_or_is_another_is_not_kept() {
    type Change = fn(&mut Answers);
    let cases: [(&str, Change, &str); 2] = [
        (
            "breaks",
            |answers| answers.breaks_off = true,
            "model.safetensors",
        ),
        ("lies", |answers| answers.lies = true, "has the SHA-256"),
    ];
    for (name, change, told) in cases {
        let hub = TestHub::new(name, answers());
        hub.change(change);
        let error = hub.client(&[]).fetch("owner/model", None).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
        let snapshot = hub.cache.join("models--owner--model/snapshots").join(FIRST);
        let kept: Vec<_> = fs::read_dir(&snapshot)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(kept.len(), 2, "{kept:?}");
        assert!(!hub.cache.join("models--owner--model/refs/main").exists());
        hub.change(|answers| (answers.breaks_off, answers.lies) = (false, false));
        hub.client(&[]).fetch("owner/model", None).unwrap();
    }
}

#[test]
fn weights_in_parts_are_fetched_part_by_part() {
    let hub = TestHub::new("parts", answers());
    let index = br#"{"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}}"#;
    hub.change(|answers| {
        answers.files.remove("model.safetensors");
        answers
            .files
            .insert("model.safetensors.index.json", (index.to_vec(), false));
        answers
            .files
            .insert("part-1.safetensors", (vec![1; 10], true));
        answers
            .files
            .insert("part-2.safetensors", (vec![2; 10], true));
    });
    let folder = hub.client(&[]).fetch("owner/model", None).unwrap();
    assert_eq!(
        fs::read(folder.join("part-2.safetensors")).unwrap(),
        [2; 10]
    );
}

#[test]
fn what_is_not_there_and_what_is_no_id_is_told() {
    let hub = TestHub::new("none", answers());
    for (id, revision, told) in [
        ("owner/other", None, "not found (RepoNotFound)"),
        ("owner/model", Some("v9"), "not found (RevisionNotFound)"),
        ("owner/model/x", None, "is no id"),
        ("../model", None, "is no id"),
        ("owner/model", Some("../x"), "is no branch"),
    ] {
        let error = hub.client(&[]).fetch(id, revision).unwrap_err().to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
}

#[test]
fn the_cache_lies_where_other_clients_have_it() {
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str);
    let cases: [Case; 4] = [
        (&[("HF_HUB_CACHE", "/c"), ("HF_HOME", "/h")], "/c"),
        (&[("HF_HOME", "/h"), ("HOME", "/u")], "/h/hub"),
        (
            &[("XDG_CACHE_HOME", "/x"), ("HOME", "/u")],
            "/x/huggingface/hub",
        ),
        (&[("HOME", "/u")], "/u/.cache/huggingface/hub"),
    ];
    for (variables, expected) in cases {
        let hub = Hub::new(|name| {
            let mut all = variables.iter();
            all.find(|(known, _)| *known == name)
                .map(|(_, value)| value.to_string())
        });
        assert_eq!(hub.cache, Path::new(expected), "{variables:?}");
        assert!(!hub.offline);
    }
}
