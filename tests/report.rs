//! The report as an analyst makes it: lines of answers in, tables, CSV and a page out. The figures are worked out by
//! hand.

#[path = "support/program.rs"]
mod program;

use std::{fs, process::Output};

use program::{Folder, run, stderr, stdout};
use serde_json::{Value, json};

/// An answer about Vela AG, with mentions in number and one stance for each sign: `+` or `-` with `a`uthor, `n`amed
/// or `u`nnamed. The text is one sentence, which is the evidence of all.
fn answer(id: &str, date: &str, source: &str, mentions: usize, stances: &[&str]) -> Value {
    let text = format!("Satz <{id}> über Vela & Co. von Nora Brandt.");
    let holder = mentions;
    let mut named: Vec<Value> = (0..mentions)
        .map(|_| json!({"span": {"start": 14, "end": 18}, "text": "Vela", "entity": 0}))
        .collect();
    named.push(json!({"span": {"start": 0, "end": 4}, "text": "Brandt", "entity": 1}));
    let stances: Vec<Value> = stances
        .iter()
        .enumerate()
        .map(|(index, stance)| {
            let (sign, whose) = stance.split_at(1);
            let mut stance = json!({
                "target": index,
                "polarity": if sign == "+" { "POLARITY_FAVORABLE" } else { "POLARITY_UNFAVORABLE" },
                "probability": 0.75,
                "evidence": {"end": text.chars().count()},
            });
            match whose {
                "a" => stance["holderKind"] = json!("HOLDER_KIND_AUTHOR"),
                "u" => stance["holderKind"] = json!("HOLDER_KIND_UNNAMED"),
                _ => {
                    stance["holderKind"] = json!("HOLDER_KIND_MENTION");
                    stance["holder"] = json!(holder);
                }
            }
            stance
        })
        .collect();
    json!({
        "id": id,
        "model": {"name": "base"},
        "mentions": named,
        "entities": [
            {"name": "Vela AG", "type": "ENTITY_TYPE_ORGANIZATION", "mentions": (0..mentions).collect::<Vec<_>>()},
            {"name": "Nora Brandt", "type": "ENTITY_TYPE_PERSON", "mentions": [holder]},
        ],
        "stances": stances,
        "text": text,
        "offsetUnit": "OFFSET_UNIT_CODE_POINT",
        "input": {"date": date, "source": source},
    })
}

/// Two weeks, two papers, one company and one person.
fn fortnight() -> String {
    let answers = [
        answer("eins", "2025-09-08", "Kurier", 4, &["-a", "-n", "-n", "+u"]),
        answer("zwei", "2025-09-12", "Bote", 1, &["+n"]),
        answer("drei", "2025-09-15", "Kurier", 2, &["+a"]),
        answer("vier", "2025-09-17", "Kurier", 1, &[]),
    ];
    answers.iter().map(|answer| format!("{answer}\n")).collect()
}

fn rows(output: &Output) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(stdout(output).as_bytes());
    let rows = reader.records();
    rows.map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

#[test]
fn each_target_is_a_row_of_figures() {
    let folder = Folder::new("report-targets");
    let input = folder.write("tagged.jsonl", fortnight());
    let output = run(&["report", &input, "--format", "csv", "--by", "week"]);
    assert!(output.status.success(), "{}", stderr(&output));
    // 8 mentions of Vela and 4 of Brandt; 3 stances each way.
    let expected = [
        "target,type,documents,mentions,share_of_voice,favorable,unfavorable,balance,\
         author_favorable,author_unfavorable,named_favorable,named_unfavorable,\
         unnamed_favorable,unnamed_unfavorable,last_period,last_mentions,previous_mentions,\
         last_balance,previous_balance",
        "Vela AG,ORG,4,8,0.6667,3,3,0,1,1,1,2,1,0,week of 2025-09-15,3,5,1,-0.2",
        "Nora Brandt,PER,4,4,0.3333,0,0,,0,0,0,0,0,0,week of 2025-09-15,2,2,,",
    ];
    assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_other_tables_tell_when_who_where_and_in_which_words() {
    let folder = Folder::new("report-tables");
    let input = folder.write("tagged.jsonl", fortnight());
    let table = |name: &str| {
        let arguments = [
            "report", &input, "--format", "csv", "--by", "week", "--top", "1", "--table", name,
        ];
        rows(&run(&arguments)).split_off(1)
    };
    assert_eq!(
        table("timeline"),
        [
            ["Vela AG", "ORG", "2025-09-08", "2", "5", "2", "3", "-0.2"],
            ["Vela AG", "ORG", "2025-09-15", "2", "3", "1", "0", "1"],
        ]
    );
    assert_eq!(
        table("holders"),
        [["Vela AG", "ORG", "Nora Brandt", "1", "2", "-0.3333"]]
    );
    assert_eq!(
        table("sources"),
        [
            ["Vela AG", "ORG", "Kurier", "3", "7", "2", "3", "-0.2"],
            ["Vela AG", "ORG", "Bote", "1", "1", "1", "0", "1"],
        ]
    );
    let evidence = table("evidence");
    assert_eq!(evidence.len(), 4);
    assert_eq!(
        evidence[0],
        [
            "Vela AG",
            "ORG",
            "favourable",
            "unnamed",
            "0.75",
            "Satz <eins> über Vela & Co. von Nora Brandt.",
            "eins",
            "2025-09-08",
            "Kurier",
        ]
    );
}

#[test]
fn a_terminal_gets_tables_with_the_same_figures() {
    let folder = Folder::new("report-terminal");
    let input = folder.write("tagged.jsonl", fortnight());
    let output = run(&[
        "report",
        &input,
        "--by",
        "week",
        "--top",
        "1",
        "--title",
        "Vela im Spiegel",
    ]);
    let shown = stdout(&output).replace('\u{a0}', " ");
    let expected = "\
Vela im Spiegel
4 documents, 2025-09-08 to 2025-09-17

Target       Documents  Mentions  Share  ▲ fav.  ▼ unfav.  Balance  Change
Vela AG ORG          4         8   67 %       3         3     0.00      −2

Change: mentions, week of 2025-09-15 against week of 2025-09-08.
1 more target is not shown; the share of voice counts all.

Vela AG ORG
───────────
  Whose stance  ▲ fav.  ▼ unfav.  Balance
  author             1         1     0.00
  named              1         2    −0.33
  unnamed            1         0    +1.00

  week                Mentions  ▲ fav.  ▼ unfav.  Balance
  week of 2025-09-08         5       2         3    −0.20  ████████████████████████
  week of 2025-09-15         3       1         0    +1.00  ███████████████

  Holder       ▲ fav.  ▼ unfav.  Balance
  Nora Brandt       1         2    −0.33

  Medium  Documents  Mentions  ▲ fav.  ▼ unfav.  Balance
  Kurier          3         7       2         3    −0.20
  Bote            1         1       1         0    +1.00

  ▲ Satz <eins> über Vela & Co. von Nora Brandt.
    favourable, unnamed, Kurier, 2025-09-08, eins
";
    assert!(shown.starts_with(expected), "{shown}");
}

#[test]
fn the_page_needs_nothing_but_itself_and_escapes_what_it_shows() {
    let folder = Folder::new("report-page");
    let input = folder.write("tagged.jsonl", fortnight());
    let path = folder.0.join("report.html");
    let output = run(&[
        "report",
        &input,
        "--format",
        "html",
        "--by",
        "week",
        "--title",
        "<Vela>",
        "--output",
        path.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    let page = fs::read_to_string(path).unwrap();
    for wanted in [
        "<!DOCTYPE html>",
        "<h1>&lt;Vela&gt;</h1>",
        "<html lang=\"en\">",
        "Satz &lt;eins&gt; über Vela &amp; Co.",
        "role=\"img\" aria-label=\"Mentions of and stances toward Vela AG by week\"",
        "<title>week of 2025-09-08: 5 mentions</title>",
        "<th scope=\"row\">2025-09-15</th><td>3</td>",
        "prefers-color-scheme: dark",
        "@media print",
    ] {
        assert!(page.contains(wanted), "{wanted} is not in the page");
    }
    for unwanted in [
        "<script", "http://", "https://", "<link", "@import", "url(", "NaN", "inf",
    ] {
        assert!(!page.contains(unwanted), "{unwanted} is in the page");
    }
    // Each element that is opened is closed.
    for element in [
        "table", "section", "div", "svg", "ul", "li", "figure", "tr", "td", "th", "main", "header",
    ] {
        let count = |tag: &str| page.matches(tag).count();
        let opened = count(&format!("<{element}>")) + count(&format!("<{element} "));
        assert_eq!(opened, count(&format!("</{element}>")), "{element}");
    }
}

#[test]
fn targets_can_be_given_to_the_report() {
    let folder = Folder::new("report-given");
    let input = folder.write("tagged.jsonl", fortnight());
    let targets = folder.write(
        "targets.txt",
        "# clients\nDie Brandt; Nora Brandt\nOstwind\n",
    );
    let output = run(&["report", &input, "--format", "csv", "--targets", &targets]);
    let rows = rows(&output);
    let shown: Vec<&[String]> = rows[1..].iter().map(|row| &row[..5]).collect();
    assert_eq!(
        shown,
        [
            ["Die Brandt", "", "4", "4", "1"],
            ["Ostwind", "", "0", "0", "0"]
        ]
    );

    let wrong = folder.write("wrong.txt", "Vela\nVela\n");
    let output = run(&["report", &input, "--targets", &wrong]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("wrong.txt:2: \"Vela\" is there twice"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn only_days_that_are_asked_for_count() {
    let folder = Folder::new("report-days");
    let input = folder.write("tagged.jsonl", fortnight());
    let arguments = [
        "report",
        &input,
        "--format",
        "csv",
        "--from",
        "2025-09-12",
        "--to",
        "2025-09-15",
    ];
    assert_eq!(rows(&run(&arguments))[1][2..4], ["2", "3"]);
    let output = run(&[
        "report",
        &input,
        "--from",
        "2025-09-12",
        "--to",
        "2025-09-11",
    ]);
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["report", &input, "--from", "2026-01-01"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("no document"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_line_that_is_no_answer_is_told_with_its_place_and_the_rest_counts() {
    let folder = Folder::new("report-wrong");
    let input = folder.write(
        "tagged.jsonl",
        format!("{{\"text\":\"A\"}}\n\n{}nonsense\n", fortnight()),
    );
    let output = run(&["report", &input, "--format", "csv"]);
    assert_eq!(output.status.code(), Some(1));
    for told in [
        format!("{input}:1: no JSON document: this is no answer of `tagwerk tag`"),
        format!("{input}:7: no JSON document: "),
    ] {
        assert!(
            stderr(&output).contains(&told),
            "{told} is not in:\n{}",
            stderr(&output)
        );
    }
    assert_eq!(rows(&output)[1][3], "8");
}

#[test]
fn answers_of_the_model_are_reported_with_day_medium_and_words() {
    let folder = Folder::new("report-model");
    let input = folder.write(
        "articles.csv",
        "id,text,date,source\n1,Nora Brandt warf der Vela AG Wortbruch vor.,2025-09-16,Kurier\n2,,2025-09-17,Bote\n",
    );
    let tagged = folder.0.join("tagged.jsonl");
    let tagged = tagged.to_str().unwrap();
    run(&["tag", &input, "--with-input", "--output", tagged]);
    let output = run(&["report", tagged, "--format", "csv", "--table", "evidence"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("1 document had not been tagged"),
        "{}",
        stderr(&output)
    );
    let [_, evidence] = rows(&output).try_into().unwrap();
    assert_eq!(
        evidence[..4],
        ["Vela AG", "ORG", "unfavourable", "Nora Brandt"]
    );
    assert_eq!(evidence[6..], ["1", "2025-09-16", "Kurier"]);
}
