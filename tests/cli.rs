//! The program as a user runs it: arguments in, output and exit code out.

#[path = "support/program.rs"]
mod program;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use program::{Folder, run, stderr, stdout, tagwerk};
use serde_json::Value;

const ARTICLE: &str = "examples/article-de.txt";

fn with_stdin(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = tagwerk(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn documents(output: &Output) -> Vec<Value> {
    stdout(output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn ids(output: &Output) -> Vec<String> {
    documents(output)
        .iter()
        .map(|d| d["id"].as_str().unwrap().to_owned())
        .collect()
}

/// A running `tagwerk serve`, killed when dropped.
struct Served {
    child: Child,
    grpc: String,
}

impl Served {
    fn start() -> Self {
        let mut child = tagwerk(&["serve", "--log-format", "json"])
            .args(["--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut grpc = String::new();
        let mut line = String::new();
        while log.read_line(&mut line).unwrap() > 0 {
            let event: Value = serde_json::from_str(&line).unwrap();
            if let Some(address) = event["grpc"].as_str() {
                grpc = address.to_owned();
            }
            if event["message"]
                .as_str()
                .is_some_and(|m| m.contains("serving"))
            {
                break;
            }
            line.clear();
        }
        // The pipe is read to its end, so that the server never waits for it.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, grpc }
    }

    fn terminate(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_article_is_printed_as_json_whose_offsets_select_the_mentions() {
    let output = run(&["tag", ARTICLE]);
    assert!(output.status.success(), "{}", stderr(&output));
    let [document] = documents(&output).try_into().unwrap();
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(ARTICLE)).unwrap();
    let points: Vec<char> = source.chars().collect();
    let mentions = document["mentions"].as_array().unwrap();
    assert!(mentions.len() > 30);
    for mention in mentions {
        let at = |end: &str| mention["span"][end].as_u64().unwrap() as usize;
        let selected: String = points[at("start")..at("end")].iter().collect();
        assert_eq!(selected, mention["text"].as_str().unwrap());
    }
    assert_eq!(document["id"], ARTICLE);
    assert_eq!(document["language"], "de");
    assert_eq!(document["coverage"]["truncated"], false);
    assert_eq!(document["coverage"]["bytesRead"], source.len());
    assert_eq!(document["model"]["fingerprint"].as_str().unwrap().len(), 64);
}

#[test]
fn pretty_and_html_show_the_article() {
    let pretty = run(&["tag", ARTICLE, "--format", "pretty", "--color", "never"]);
    assert!(stdout(&pretty).contains("[Henrike Sandvoss·PER"));
    let html = run(&["tag", ARTICLE, "--format", "html"]);
    assert!(
        stdout(&html).starts_with("<!doctype html>")
            || stdout(&html).starts_with("<!DOCTYPE html>")
    );
    assert!(stdout(&html).contains("Henrike Sandvoss"));
}

#[test]
fn json_lines_are_answered_in_their_order() {
    let folder = Folder::new("order");
    let lines: String = (0..60)
        .map(|i| {
            let text = "Berlin grüßt Paris. ".repeat(1 + (i * 13) % 9);
            format!(
                "{}\n",
                serde_json::json!({"id": format!("d{i}"), "text": text, "language": "de"})
            )
        })
        .collect();
    let file = folder.write("articles.jsonl", lines);
    let output = run(&["tag", &file, "--features", "mentions"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(
        ids(&output),
        (0..60).map(|i| format!("d{i}")).collect::<Vec<_>>()
    );
}

#[test]
fn what_cannot_be_tagged_is_told_with_its_place_and_the_rest_goes_on() {
    let folder = Folder::new("mixed");
    let file = folder.write(
        "articles.jsonl",
        "{\"id\":\"a\",\"text\":\"Berlin.\"}\nno json\n{\"id\":\"c\",\"text\":\"\"}\n\
         {\"id\":\"d\",\"text\":\"Tokio.\",\"language\":\"ja\"}\n{\"id\":\"e\",\"text\":\"Wien.\"}\n",
    );
    let broken = folder.write("broken.txt", b"gut\nnicht \xff gut");
    let missing = folder.0.join("missing.txt").to_str().unwrap().to_owned();
    let output = run(&["tag", &file, &broken, &missing, "--features", "mentions"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(ids(&output), ["a", "e"]);
    for place in [
        format!("{file}:2:"),
        format!("{file}:3:"),
        format!("{file}:4:"),
        format!("{broken}: invalid UTF-8 at byte 10 (line 2)"),
        missing,
    ] {
        assert!(
            stderr(&output).contains(&place),
            "{place} is not in:\n{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_folder_and_standard_input_are_read() {
    let folder = Folder::new("folder");
    folder.write("b.txt", "Berlin wächst.");
    folder.write("a.jsonl", "{\"id\":\"first\",\"text\":\"Paris wächst.\"}\n");
    folder.write("ignored.md", "Rom");
    let path = folder.0.to_str().unwrap();
    let output = run(&["tag", path, "--features", "mentions"]);
    let found = ids(&output);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0], "first");
    assert!(found[1].ends_with("b.txt"));

    let output = with_stdin(
        &["tag", "-", "--features", "mentions"],
        "Köln grüßt Wien.".as_bytes(),
    );
    let [document] = documents(&output).try_into().unwrap();
    assert_eq!(document["mentions"][1]["span"]["start"], 11);
}

#[test]
fn the_unit_of_offsets_can_be_chosen() {
    let text = "🎉 Wien";
    for (unit, start) in [("code-point", 2), ("utf16", 3), ("utf8", 5)] {
        let output = with_stdin(
            &["tag", "--offsets", unit, "--features", "mentions"],
            text.as_bytes(),
        );
        let [document] = documents(&output).try_into().unwrap();
        assert_eq!(document["mentions"][0]["text"], "Wien");
        assert_eq!(document["mentions"][0]["span"]["start"], start, "{unit}");
    }
}

#[test]
fn a_reader_that_stops_ends_the_program_quietly() {
    let folder = Folder::new("pipe");
    let line = "{\"text\":\"Berlin grüßt Paris.\"}\n";
    let file = folder.write("articles.jsonl", line.repeat(400));
    let mut child = tagwerk(&["tag", &file, "--features", "mentions"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(stderr(&output), "");
}

#[test]
fn the_model_is_found_from_any_folder_and_describes_itself() {
    let output = tagwerk(&["model", "info"])
        .current_dir("/")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    for word in [
        "fingerprint",
        "license",
        "de, en, fr, es, it, nl, pl, pt",
        "B-PER",
    ] {
        assert!(stdout(&output).contains(word), "{word}");
    }
    let output = run(&["model", "verify"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let output = run(&["model", "info", "--model", "nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nowhere"));
}

#[test]
fn a_damaged_package_is_refused_with_the_reason() {
    let folder = Folder::new("package");
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/base");
    for name in [
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "MODEL_CARD.md",
    ] {
        fs::copy(base.join(name), folder.0.join(name)).unwrap();
    }
    let path = folder.0.to_str().unwrap().to_owned();
    let verify = || run(&["model", "verify", "--model", &path]);
    assert!(verify().status.success(), "{}", stderr(&verify()));

    let config = fs::read_to_string(base.join("config.json")).unwrap();
    for (from, to, reason) in [
        (
            "\"hidden_size\": 384",
            "\"hidden_size\": 512",
            "hidden_size",
        ),
        ("\"max_tokens\": 512", "\"max_tokens\": 1024", "max_tokens"),
        ("\"B-PER\"", "\"B-WHO\"", "B-WHO"),
        (
            "\"model_type\": \"bert\"",
            "\"model_type\": \"gpt2\"",
            "model_type",
        ),
        ("{", "", "config.json"),
    ] {
        assert!(config.contains(from), "{from}");
        folder.write("config.json", config.replacen(from, to, 1));
        let output = verify();
        assert_eq!(output.status.code(), Some(1), "{to}");
        assert!(
            stderr(&output).contains(reason),
            "{to}: {}",
            stderr(&output)
        );
    }
    folder.write("config.json", &config);
    let weights = fs::read(base.join("model.safetensors")).unwrap();
    folder.write("model.safetensors", &weights[..weights.len() / 2]);
    assert_eq!(verify().status.code(), Some(1));
}

#[test]
fn a_gold_file_is_measured() {
    let folder = Folder::new("gold");
    let gold = folder.write(
        "gold.jsonl",
        concat!(
            r#"{"lang":"de","text":"Berlin grüßt Paris.","annotated":["entities"],"#,
            r#""entities":[{"id":1,"start":0,"end":6,"type":"LOC"},{"id":2,"start":13,"end":18,"type":"LOC"}]}"#,
            "\n",
        ),
    );
    let output = run(&["model", "eval", &gold, "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["overall"]["texts"], 1);
    let output = run(&[
        "model",
        "eval",
        &folder.0.join("missing.jsonl").to_string_lossy(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("missing.jsonl"));
}

#[test]
fn a_server_tags_for_the_program_reports_its_health_and_ends_on_sigterm() {
    let mut served = Served::start();
    let here = run(&["tag", ARTICLE]);
    let there = run(&["tag", ARTICLE, "--server", &served.grpc]);
    assert!(there.status.success(), "{}", stderr(&there));
    assert_eq!(stdout(&there), stdout(&here));

    let health = run(&["health", "--server", &served.grpc]);
    assert!(health.status.success());
    assert!(stdout(&health).contains("SERVING"));

    assert_eq!(served.terminate(), Some(0));
    let health = run(&["health", "--server", &served.grpc]);
    assert!(!health.status.success());
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&[
        "serve",
        "--listen",
        &address,
        "--http-listen",
        "127.0.0.1:0",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&address), "{}", stderr(&output));
}

#[test]
fn help_has_examples() {
    for command in [
        vec!["--help"],
        vec!["tag", "--help"],
        vec!["model", "eval", "--help"],
    ] {
        let output = run(&command);
        assert!(output.status.success());
        assert!(stdout(&output).contains("Examples:"), "{command:?}");
    }
}
