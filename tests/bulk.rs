//! Many documents at once as a user tags them: CSV, Parquet and JSON lines, broken off and gone on with.

mod support;

use std::{
    fs::{self, File},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use arrow_array::{Array as _, RecordBatch, cast::AsArray as _};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use support::program::{Folder, run, stderr, tagwerk};

/// The names of all files in a folder.
fn files(folder: &Folder) -> Vec<String> {
    let entries = fs::read_dir(&folder.0).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn rows(path: &str) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&schema, &batches).unwrap()
}

fn column(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = batch
        .column_by_name(name)
        .unwrap_or_else(|| panic!("no column {name}"));
    column
        .as_string::<i32>()
        .iter()
        .map(|value| value.map(str::to_owned))
        .collect()
}

fn records(path: &str, delimiter: u8) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .from_path(path)
        .unwrap();
    let names = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    let records = reader
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect());
    (names, records.collect())
}

fn lines(path: &str) -> Vec<Value> {
    let content = fs::read_to_string(path).unwrap();
    content
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const TABLE: &str = "\u{feff}id;text;when;note\r\n\
    a;\"Nora Brandt warf der Vela AG Wortbruch vor.\r\n\"\"Eine Schande\"\", sagte sie.\";2025-09-16;1\r\n\
    b;\" \";2025-09-17;2\r\n\
    c;Köln grüßt Wien.;2025-09-18;\"x;y\"\r\n";

#[test]
fn csv_keeps_its_columns_and_gets_those_of_the_answers() {
    let folder = Folder::new("bulk-csv");
    let input = folder.write("articles.csv", TABLE);
    let output = folder.path("tagged.csv");
    let ended = run(&["tag", &input, "--output", &output, "--language", "de"]);
    // The blank text is a fault, told with its place, and the rest went on.
    assert_eq!(ended.status.code(), Some(1), "{}", stderr(&ended));
    assert!(
        stderr(&ended).contains(&format!("{input}:4: the text is empty")),
        "{}",
        stderr(&ended)
    );
    let (names, records) = records(&output, b';');
    assert_eq!(
        names,
        [
            "id",
            "text",
            "when",
            "note",
            "tagged_language",
            "tagged_sentiment",
            "tagged",
            "error"
        ]
    );
    let column =
        |at: usize| -> Vec<&str> { records.iter().map(|record| record[at].as_str()).collect() };
    assert_eq!(column(0), ["a", "b", "c"]);
    assert_eq!(
        records[0][1],
        "Nora Brandt warf der Vela AG Wortbruch vor.\r\n\"Eine Schande\", sagte sie."
    );
    assert_eq!(column(3), ["1", "2", "x;y"]);
    assert_eq!(column(4), ["de", "", "de"]);
    assert_eq!(column(7), ["", "the text is empty", ""]);
    let tagged: Value = serde_json::from_str(&records[2][6]).unwrap();
    assert_eq!(tagged["mentions"][0]["text"], "Köln");
    assert_eq!(tagged["mentions"][1]["span"]["start"], 11);
    assert_eq!(files(&folder), ["articles.csv", "tagged.csv"]);
}

#[test]
fn parquet_has_lists_of_mentions_and_stances_and_says_what_the_other_formats_say() {
    let folder = Folder::new("bulk-formats");
    let input = folder.write("articles.csv", TABLE);
    let parquet = folder.path("tagged.parquet");
    let json = folder.path("tagged.jsonl");
    run(&["tag", &input, "--output", &parquet]);
    run(&["tag", &input, "--output", &json, "--with-input"]);
    let batch = rows(&parquet);
    assert_eq!(
        column(&batch, "id"),
        ["a", "b", "c"].map(|id| Some(id.to_owned()))
    );
    assert_eq!(column(&batch, "when")[2].as_deref(), Some("2025-09-18"));
    assert_eq!(
        column(&batch, "error"),
        [None, Some("the text is empty".to_owned()), None]
    );
    let lines = lines(&json);
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1]["error"], "the text is empty");
    assert_eq!(lines[1]["input"]["note"], "2");
    assert_eq!(lines[0]["offsetUnit"], "OFFSET_UNIT_CODE_POINT");
    let mentions = batch
        .column_by_name("tagged_mentions")
        .unwrap()
        .as_list::<i32>();
    let stances = batch
        .column_by_name("tagged_stances")
        .unwrap()
        .as_list::<i32>();
    assert!(mentions.is_null(1));
    for row in [0, 2] {
        let mut tagged: Value =
            serde_json::from_str(column(&batch, "tagged")[row].as_ref().unwrap()).unwrap();
        for key in ["text", "offsetUnit", "input"] {
            tagged[key] = lines[row][key].clone();
        }
        assert_eq!(tagged, lines[row]);
        let text: Vec<char> = lines[row]["text"].as_str().unwrap().chars().collect();
        let selected = |span: &Value| -> String {
            let at = |end: &str| span[end].as_u64().unwrap_or(0) as usize;
            text[at("start")..at("end")].iter().collect()
        };
        let of_row = mentions.value(row);
        let texts = of_row
            .as_struct()
            .column_by_name("mention")
            .unwrap()
            .as_string::<i32>()
            .clone();
        let expected = tagged["mentions"].as_array().unwrap();
        assert_eq!(texts.len(), expected.len());
        for (text, mention) in texts.iter().zip(expected) {
            assert_eq!(text, mention["text"].as_str());
            assert_eq!(text, Some(selected(&mention["span"]).as_str()));
        }
        let of_row = stances.value(row);
        let evidence = of_row
            .as_struct()
            .column_by_name("evidence")
            .unwrap()
            .as_string::<i32>()
            .clone();
        let expected = tagged["stances"].as_array().cloned().unwrap_or_default();
        let expected: Vec<String> = expected
            .iter()
            .map(|stance| selected(&stance["evidence"]))
            .collect();
        let found: Vec<&str> = evidence.iter().flatten().collect();
        assert_eq!(found, expected);
    }
    assert_eq!(stances.value(0).len(), 1);
}

/// Written by pyarrow: see the script beside it.
const FROM_PYARROW: &str = "tests/data/articles.parquet";

#[test]
fn columns_of_parquet_keep_their_types() {
    let folder = Folder::new("bulk-pyarrow");
    let output = folder.path("tagged.parquet");
    let arguments = [
        "tag",
        FROM_PYARROW,
        "--output",
        &output,
        "--text-column",
        "body",
        "--id-column",
        "key",
    ];
    let ended = run(&arguments);
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        stderr(&ended).contains(&format!("{FROM_PYARROW}:2: the text is empty")),
        "{}",
        stderr(&ended)
    );
    let (given, tagged) = (rows(FROM_PYARROW), rows(&output));
    assert_eq!(tagged.num_rows(), given.num_rows());
    for (field, column) in given.schema().fields().iter().zip(given.columns()) {
        let kept = tagged.column_by_name(field.name()).unwrap();
        assert_eq!(kept, column, "{}", field.name());
    }
    let schema = tagged.schema();
    let kind = |name: &str| schema.field_with_name(name).unwrap().data_type();
    assert!(matches!(kind("published"), DataType::Timestamp(..)));
    assert!(matches!(kind("topics"), DataType::List(_)));
    let ids: Vec<Value> = column(&tagged, "tagged")
        .iter()
        .flatten()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone())
        .collect();
    assert_eq!(ids, ["7", "9"]);

    // As JSON, dates and lists are texts and numbers are numbers.
    let json = folder.path("tagged.jsonl");
    run(&[
        "tag",
        FROM_PYARROW,
        "--output",
        &json,
        "--text-column",
        "body",
        "--with-input",
    ]);
    let input = &lines(&json)[0]["input"];
    assert_eq!(input["key"], 7);
    assert_eq!(input["published"], "2025-09-16T08:30:00Z");
    assert_eq!(input["topics"], "[energy, politics]");
    assert!(input.get("body").is_none());
}

#[test]
fn a_row_can_be_a_mention_or_a_stance() {
    let folder = Folder::new("bulk-rows");
    let input = folder.write("articles.csv", TABLE);
    let mentions = folder.path("mentions.csv");
    run(&["tag", &input, "--rows", "mentions", "--output", &mentions]);
    let (names, records) = records(&mentions, b';');
    assert_eq!(
        names[..5],
        ["id", "when", "note", "mention", "mention_type"]
    );
    let shown: Vec<(&str, &str, &str)> = records
        .iter()
        .map(|record| (record[0].as_str(), record[3].as_str(), record[4].as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("a", "Nora Brandt", "person"),
            ("a", "Vela AG", "organization"),
            ("b", "", ""),
            ("c", "Köln", "location"),
            ("c", "Wien", "location"),
        ]
    );
    assert_eq!(
        records[2].last().map(String::as_str),
        Some("the text is empty")
    );

    // What the model makes of the last text is its own affair.
    let stances = folder.path("stances.parquet");
    run(&["tag", &input, "--rows", "stances", "--output", &stances]);
    let batch = rows(&stances).slice(0, 2);
    assert!(batch.column_by_name("text").is_none());
    let both = |first: &str| [Some(first.to_owned()), None];
    assert_eq!(column(&batch, "target"), both("Vela AG"));
    assert_eq!(column(&batch, "holder"), both("Nora Brandt"));
    assert_eq!(column(&batch, "polarity"), both("unfavorable"));

    let json = folder.path("stances.jsonl");
    run(&["tag", &input, "--rows", "stances", "--output", &json]);
    let lines = lines(&json);
    assert_eq!(lines[0]["id"], "a");
    assert_eq!(lines[0]["target_entity"], "Vela AG");
    assert_eq!(lines[0]["input"]["when"], "2025-09-16");
    assert_eq!(lines[1]["error"], "the text is empty");
}

/// Articles enough for a kill to come in between.
fn archive(folder: &Folder) -> String {
    let lines: String = (0..240)
        .map(|number| {
            let text =
                format!("Die Reederei Ostwind lobt Jana Roth. Nummer {number} kritisiert Köln. ")
                    .repeat(1 + number % 5);
            format!(
                "{}\n",
                serde_json::json!({"id": number, "text": text, "rank": number})
            )
        })
        .collect();
    folder.write("archive.jsonl", lines)
}

/// Starts a run and kills it when some documents are in its journal. Says whether it was killed in the middle.
fn killed(arguments: &[&str], journal: &str, bytes: u64) -> bool {
    let mut child = tagwerk(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    loop {
        let length = fs::metadata(journal).map_or(0, |metadata| metadata.len());
        if length > bytes {
            break;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "nothing is tagged"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

#[test]
fn a_run_that_was_killed_goes_on_and_gives_the_same_bytes() {
    let folder = Folder::new("bulk-killed");
    let input = archive(&folder);
    for name in ["tagged.jsonl", "tagged.csv", "tagged.parquet"] {
        let whole = folder.path(&format!("whole-{name}"));
        let ended = run(&["tag", &input, "--output", &whole]);
        assert!(ended.status.success(), "{}", stderr(&ended));

        let output = folder.path(name);
        let journal = format!("{output}.journal");
        let arguments = ["tag", &input, "--output", &output];
        let mut kills = 0;
        // The second run goes on from the first and is killed, too.
        for bytes in [1 << 10, 40 << 10] {
            kills += u32::from(killed(&arguments, &journal, bytes));
            assert!(
                !Path::new(&output).exists(),
                "{name} is there before it is complete"
            );
        }
        assert_eq!(
            kills, 2,
            "{name}: the runs were over before they were killed"
        );
        let ended = run(&arguments);
        assert!(ended.status.success(), "{}", stderr(&ended));
        assert!(stderr(&ended).contains("going on: "), "{}", stderr(&ended));
        assert!(
            fs::read(&output).unwrap() == fs::read(&whole).unwrap(),
            "{name} differs"
        );
        assert!(!Path::new(&journal).exists());
        assert!(!Path::new(&format!("{output}.part")).exists());
    }
    let ids: Vec<String> = lines(&folder.path("tagged.jsonl"))
        .iter()
        .map(|line| line["id"].as_str().unwrap().to_owned())
        .collect();
    let expected: Vec<String> = (0..240).map(|number| number.to_string()).collect();
    assert_eq!(ids, expected);
}

#[test]
fn a_run_goes_on_only_with_the_same_input_and_options() {
    let folder = Folder::new("bulk-other");
    let input = archive(&folder);
    let output = folder.path("tagged.csv");
    let journal = format!("{output}.journal");
    assert!(killed(
        &["tag", &input, "--output", &output],
        &journal,
        1 << 10
    ));

    let ended = run(&["tag", &input, "--output", &output, "--features", "mentions"]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(
        stderr(&ended).contains("other inputs or options"),
        "{}",
        stderr(&ended)
    );

    let content = fs::read_to_string(&input).unwrap();
    folder.write("archive.jsonl", content.replacen("Ostwind", "Westwind", 1));
    let ended = run(&["tag", &input, "--output", &output]);
    assert_eq!(ended.status.code(), Some(1));
    let told = format!("{input}:1: this is not what was tagged here before");
    assert!(stderr(&ended).contains(&told), "{}", stderr(&ended));
    assert!(!Path::new(&output).exists());

    let few: String = content
        .lines()
        .take(3)
        .map(|line| format!("{line}\n"))
        .collect();
    folder.write("archive.jsonl", few);
    let ended = run(&["tag", &input, "--output", &output, "--restart"]);
    assert!(ended.status.success(), "{}", stderr(&ended));
    assert_eq!(records(&output, b',').1.len(), 3);
}

#[test]
fn files_that_are_no_tables_are_told_and_the_rest_goes_on() {
    let folder = Folder::new("bulk-broken");
    let broken = folder.write("broken.parquet", "PAR1 nothing PAR1");
    let other = folder.write("other.csv", "headline,body\nA,B\n");
    let lines = folder.write("good.jsonl", "{\"text\":\"Berlin.\"}\n");
    let output = folder.path("tagged.csv");
    let ended = run(&["tag", &broken, &other, &lines, "--output", &output]);
    assert_eq!(ended.status.code(), Some(1));
    for told in [
        format!("{broken}: no Parquet: "),
        format!("{other}: there is no column \"text\"; there are: headline, body"),
    ] {
        assert!(
            stderr(&ended).contains(&told),
            "{told} is not in:\n{}",
            stderr(&ended)
        );
    }
    assert_eq!(records(&output, b',').1.len(), 1);
}

#[test]
fn combinations_that_make_no_sense_are_refused() {
    for arguments in [
        vec![
            "tag",
            "examples/article-de.txt",
            "--format",
            "pretty",
            "--rows",
            "mentions",
        ],
        vec![
            "tag",
            "examples/article-de.txt",
            "--format",
            "csv",
            "--with-input",
        ],
        vec!["tag", "examples/article-de.txt", "--restart"],
        vec!["tag", "examples/article-de.txt", "--in-flight", "0"],
    ] {
        assert_eq!(run(&arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_tags_tables_as_this_process_does() {
    let server = support::server().await;
    let address = server.grpc.to_string();
    let outputs = tokio::task::spawn_blocking(move || {
        let folder = Folder::new("bulk-server");
        let input = folder.write("articles.csv", TABLE);
        let outputs = [["--server", &address], ["--precision", "fp32"]].map(|place| {
            let output = folder.path("tagged.csv");
            let arguments = ["tag", &input, "--in-flight", "2", "--output", &output];
            let ended = run(&[&arguments[..], &place[..]].concat());
            assert_eq!(ended.status.code(), Some(1), "{}", stderr(&ended));
            fs::read_to_string(output).unwrap()
        });
        drop(folder);
        outputs
    });
    let [there, here] = outputs.await.unwrap();
    assert!(there.contains("Wortbruch"), "{there}");
    assert_eq!(there, here);
}
