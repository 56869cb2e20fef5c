//! The settings of `tagwerk serve` as an operator gives them: file, variables and flags in, settings or problems out.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tagwerk::config;

type Variables<'a> = &'a [(&'a str, &'a str)];

/// `tagwerk serve` with no variable of this shell's.
fn serve(arguments: &[&str], variables: Variables) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagwerk"));
    command.arg("serve").args(arguments).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("TAGWERK_") {
            command.env_remove(name);
        }
    }
    command.envs(variables.iter().copied()).output().unwrap()
}

/// The settings that `--print-config` prints.
fn printed(arguments: &[&str], variables: Variables) -> String {
    let output = serve(&[arguments, &["--print-config"]].concat(), variables);
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The lines that set something, without their comments.
fn values(printed: &str) -> Vec<&str> {
    let lines = printed.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once("  # ").map_or(line, |(value, _)| value))
        .collect()
}

/// A file of this test's own, removed at its end.
struct File(PathBuf);

impl File {
    fn new(name: &str, content: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, content).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

const EVERYTHING: &str = r#"
[server]
listen = "0.0.0.0:50051"
http_listen = "[::1]:9090"
page = "off"
page_hosts = ["news.example", "tags.example"]
max_message_bytes = 6_000_000
stream_documents = 16
grace_seconds = 5
insecure = true
google = false
max_connections = 10
max_calls_per_connection = 20
max_header_bytes = 0x2000
first_byte_seconds = 3
idle_seconds = 0
max_connection_age_seconds = 3600
watch_seconds = 1

[tls]
certificate = 'C:\"certificate".pem'
key = "key\twith tab.pem"
client_ca = "Zürich.pem"

[auth]
keys = "keys.toml"
jwks = "jwks.json"
issuer = "https://issuer.example"
audience = ["tagger", "one, two", "'"]
leeway_seconds = 0
tokens_per_second = 1000
concurrent_calls = 8

[model]
model = "base"
models = "/srv/models"
precision = "bf16"
workers = 2
batch_tokens = 1024
queue_tokens = 4096
hang_seconds = 30
max_document_bytes = 65536

[cache]
memory_bytes = 1048576
url = "rediss://cache.example:6380/1"
user = "tagger"
password = "/run/secrets/cache"
ca = "/etc/tagwerk/cache.pem"
patience_milliseconds = 15
keep_seconds = 3600

[watchlists]
files = ["companies=/etc/tagwerk/companies.csv", "people=people.toml"]

[log]
log = "warn,tagwerk=debug"
format = "json"

[trace]
endpoint = "https://collector.example:4317"
share = 2.5e-1
"#;

#[test]
fn each_printed_value_says_where_it_comes_from() {
    let file = File::new(
        "origins.toml",
        "[server]\n\nidle_seconds = 5\nwatch_seconds = 7\n",
    );
    let path = file.path();
    let printed = printed(
        &["--config", path, "--workers=2", "--grace-seconds", "9"],
        &[
            ("TAGWERK_LISTEN", "127.0.0.1:1"),
            ("TAGWERK_WORKERS", "1"),
            ("TAGWERK_WATCH_SECONDS", "8"),
        ],
    );
    for line in [
        "listen = \"127.0.0.1:1\"  # TAGWERK_LISTEN",
        "grace_seconds = 9  # flag",
        "workers = 2  # flag",
        "watch_seconds = 8  # TAGWERK_WATCH_SECONDS",
        "stream_documents = 32  # default",
        "max_message_bytes = 5242880  # default",
        &format!("idle_seconds = 5  # {path}:3"),
    ] {
        assert!(printed.lines().any(|l| l == line), "{line}:\n{printed}");
    }
}

#[test]
fn the_printed_settings_give_the_same_settings_again() {
    let everything = File::new("everything.toml", EVERYTHING);
    let path = everything.path();
    let variables = [("TAGWERK_WORKERS", "007")];
    let cases: [(&str, &[&str], Variables); 3] = [
        ("defaults", &[], &[]),
        ("everything", &["--config", path], &[]),
        (
            "mixed",
            &["--config", path, "--auth-audience=a,b"],
            &variables,
        ),
    ];
    for (case, arguments, variables) in cases {
        let first = printed(arguments, variables);
        let file = File::new(&format!("printed-{case}.toml"), &first);
        let second = printed(&["--config", file.path()], &[]);
        assert_eq!(values(&first), values(&second), "{case}");
    }
}

#[test]
fn every_setting_of_the_file_is_taken() {
    let everything = File::new("taken.toml", EVERYTHING);
    let printed = printed(&["--config", everything.path()], &[]);
    let settings = printed.lines().filter(|line| line.contains("  # "));
    for line in settings {
        assert!(line.contains("taken.toml:"), "{line}");
    }
    for line in [
        "max_header_bytes = 8192",
        "audience = [\"tagger\", \"one, two\", \"'\"]",
        "precision = \"bf16\"",
        "share = 0.25",
    ] {
        assert!(values(&printed).contains(&line), "{line}:\n{printed}");
    }
}

#[test]
fn the_file_can_be_named_by_a_variable_and_another_by_the_flag() {
    let named = File::new("variable.toml", "server.grace_seconds = 1");
    let other = File::new("flag.toml", "server.grace_seconds = 2");
    let variables = [("TAGWERK_CONFIG", named.path())];
    assert!(printed(&[], &variables).contains("grace_seconds = 1  #"));
    let printed = printed(&["--config", other.path()], &variables);
    assert!(printed.contains("grace_seconds = 2  #"), "{printed}");
}

#[test]
fn all_problems_are_told_together_with_exit_code_2() {
    let content = "[server]\nlisen = \"127.0.0.1:1\"\nwatch_seconds = \"often\"\n\
                   [tls]\ncertificate = \"c.pem\"\n[model]\nbatch_tokens = 100\n";
    let file = File::new("wrong.toml", content);
    let path = file.path();
    let output = serve(
        &["--config", path, "--first-byte-seconds", "0"],
        &[
            ("TAGWERK_STREAM_DOCUMENTS", "many"),
            ("TAGWERK_INSECURE", "1"),
            ("TAGWERK_LOGS", "debug"),
        ],
    );
    assert_eq!(output.status.code(), Some(2));
    for told in [
        &format!("{path}:2: server.lisen: no such setting; did you mean listen?"),
        &format!("{path}:3: server.watch_seconds: a whole number is expected, not a string"),
        &format!("{path}:5: tls.certificate = \"c.pem\": tls.key is missing"),
        &format!("{path}:7: model.batch_tokens = 100: a batch must hold"),
        "TAGWERK_STREAM_DOCUMENTS=many: give a whole number",
        "TAGWERK_INSECURE=1: give true or false",
        "TAGWERK_LOGS: no such variable; did you mean TAGWERK_LOG?",
        "--first-byte-seconds 0: 0 is not in 1..=3600",
    ] {
        assert!(
            stderr(&output).contains(told),
            "{told}:\n{}",
            stderr(&output)
        );
    }
    assert!(stderr(&output).starts_with("tagwerk: 8 problems"));
}

#[test]
fn a_file_that_is_no_toml_or_not_there_ends_with_exit_code_2() {
    let file = File::new("broken.toml", "[server]\nlisten =\n");
    let output = serve(&["--config", file.path()], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("broken.toml:2: no TOML"));
    let output = serve(&["--config", "/nowhere/tagwerk.toml"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("/nowhere/tagwerk.toml: cannot be read"));
}

#[test]
fn an_open_port_without_authentication_is_refused_with_exit_code_2() {
    let file = File::new("open.toml", "server.listen = \"0.0.0.0:50051\"");
    let output = serve(&["--config", file.path()], &[]);
    assert_eq!(output.status.code(), Some(2));
    for told in [
        "open.toml:1: ",
        "127.0.0.1:50051",
        "auth.keys",
        "--insecure",
    ] {
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
    for way in ["--insecure", "--auth-keys=keys.toml"] {
        let printed = printed(&["--config", file.path(), way], &[]);
        assert!(printed.contains("listen = \"0.0.0.0:50051\""), "{way}");
    }
}

#[test]
fn an_unknown_flag_is_wrong_usage() {
    let output = serve(&["--listn", "127.0.0.1:1"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--listen"), "{}", stderr(&output));
}

#[test]
fn the_help_names_variables_defaults_and_choices() {
    let output = serve(&["--help"], &[]);
    let help = String::from_utf8(output.stdout).unwrap();
    for told in [
        "--config <FILE>",
        "[env: TAGWERK_TLS_CERTIFICATE=]",
        "[default: 127.0.0.1:50051]",
        "[default: auto]",
        "fp32",
        "bf16",
        "--insecure[=<BOOL>]",
        "Authentication:",
    ] {
        assert!(help.contains(told), "{told}:\n{help}");
    }
}

/// What stands around the tables that are made from the code.
const TABLES: (&str, &str) = (
    "<!-- The tables are made from the code: UPDATE_DOCS=1 cargo test --test config writes them. -->\n\n",
    "\n\n<!-- The end of the tables. -->",
);

#[test]
fn the_reference_in_the_documentation_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page
        .split_once(TABLES.0)
        .expect("no mark before the tables");
    let (tables, after) = rest
        .split_once(TABLES.1)
        .expect("no mark behind the tables");
    let expected = config::reference();
    if env::var_os("UPDATE_DOCS").is_some() {
        let page = [before, TABLES.0, &expected, TABLES.1, after].concat();
        return fs::write(&path, page).unwrap();
    }
    assert!(
        tables == expected,
        "docs/configuration.md is not what the code says; run UPDATE_DOCS=1 cargo test --test config"
    );
}
