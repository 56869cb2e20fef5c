//! The proto3 JSON form of an answer, one line for each document.

use std::io::{self, Write};

use crate::proto::tagwerk::v1::TaggedDocument;

/// Writes one line, or nothing where the answer holds a value that JSON has no name for.
pub fn document(out: &mut impl Write, tagged: &TaggedDocument) -> io::Result<()> {
    let mut line = serde_json::to_vec(tagged)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    line.push(b'\n');
    out.write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::super::{Format, tests::example, tests::render};

    #[test]
    fn each_document_is_one_line_that_reads_back_as_it_was() {
        let (text, tagged) = example();
        let out = render(Format::Json, 80, &[(&text, &tagged), (&text, &tagged)]);
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 2);
        for line in lines {
            let read: super::TaggedDocument = serde_json::from_str(line).unwrap();
            assert_eq!(read, tagged);
        }
    }

    #[test]
    fn an_answer_that_json_has_no_name_for_leaves_no_half_line() {
        let (_, mut tagged) = example();
        tagged.mentions[1].r#type = 99;
        let mut out = Vec::new();
        let error = super::document(&mut out, &tagged).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert_eq!(out, b"");
    }

    #[test]
    fn names_are_those_of_proto3_json() {
        let (text, tagged) = example();
        let out = render(Format::Json, 80, &[(&text, &tagged)]);
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(json["mentions"][0]["type"], "ENTITY_TYPE_LOCATION");
        assert_eq!(json["mentions"][0]["span"]["end"], 15);
        assert_eq!(json["stances"][0]["holderKind"], "HOLDER_KIND_MENTION");
    }
}
