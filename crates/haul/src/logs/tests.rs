use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::queue::WRITE_BYTES_MAX;
use super::*;

/// A log in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Memory {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The lines that these events become.
fn logged(format: LogFormat, coloured: bool, events: impl FnOnce()) -> String {
    let memory = Memory::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::INFO)
        .event_format(LogLine { format, coloured })
        .with_writer(memory.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, events);
    let bytes = memory.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn access(name: &str) {
    tracing::info!(
        target: "haul::access",
        peer = %"127.0.0.1:5000",
        verb = "GET",
        name,
        bytes = 3_u64,
        ms = 0.250_04,
        outcome = "ok",
        worker = 7_u32,
    );
}

#[test]
fn a_request_is_one_line_of_text() {
    let line = logged(LogFormat::Text, false, || access("a.txt"));
    let (time, rest) = line.split_once(' ').unwrap();
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    assert_eq!(
        rest,
        " INFO access peer=127.0.0.1:5000 verb=GET name=a.txt bytes=3 ms=0.25 outcome=ok worker=7\n"
    );
}

#[test]
fn a_request_is_one_object_of_json() {
    let line = logged(LogFormat::Json, false, || access("a \"b\" ü.txt"));
    assert_eq!(line.matches('\n').count(), 1);
    let mut object: serde_json::Value = serde_json::from_str(&line).unwrap();
    let time = object.as_object_mut().unwrap().remove("time").unwrap();
    assert!(
        time.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(),
        "{time}"
    );
    let expected = serde_json::json!({
        "level": "INFO", "target": "haul::access", "peer": "127.0.0.1:5000", "verb": "GET",
        "name": "a \"b\" ü.txt", "bytes": 3, "ms": 0.25, "outcome": "ok", "worker": 7,
    });
    assert_eq!(object, expected);
}

#[test]
fn a_message_comes_before_its_fields_and_a_text_with_spaces_is_quoted() {
    let line = logged(LogFormat::Text, false, || {
        tracing::warn!(pid = 4, why = "was killed", "worker ended")
    });
    assert!(
        line.ends_with("  WARN worker ended pid=4 why=\"was killed\"\n"),
        "{line}"
    );
}

#[test]
fn no_text_forges_a_line_or_a_colour() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let line = logged(format, false, || {
            tracing::info!(name = "a\nb\u{1b}[31m", "x\r\ny\0\u{9b}")
        });
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let body = line.strip_suffix('\n').unwrap();
        assert!(!body.chars().any(char::is_control), "{line}");
    }
}

#[test]
fn a_line_never_exceeds_what_a_pipe_takes_in_one_piece() {
    for format in [LogFormat::Text, LogFormat::Json] {
        for name in [
            "a".repeat(4096),
            "\\\"".repeat(2048),
            "\u{1}".repeat(4096),
            "ü".repeat(2048),
        ] {
            let line = logged(format, false, || access(&name));
            assert!(
                line.len() <= WRITE_BYTES_MAX && line.contains('…'),
                "{} bytes",
                line.len()
            );
        }
    }
}

#[test]
fn colours_are_there_only_where_asked_for() {
    assert!(!logged(LogFormat::Text, false, || access("a")).contains('\u{1b}'));
    assert!(logged(LogFormat::Text, true, || access("a")).contains("\u{1b}[32m INFO\u{1b}[0m"));
    assert!(!logged(LogFormat::Json, true, || access("a")).contains('\u{1b}'));
}

#[test]
fn a_loss_is_a_line_of_either_form() {
    assert!(
        loss(LogFormat::Text, 7)
            .ends_with("  WARN log lines were dropped: standard error is read too slowly lines=7\n")
    );
    let object: serde_json::Value = serde_json::from_str(&loss(LogFormat::Json, 7)).unwrap();
    assert_eq!((&object["level"], &object["lines"]), (&"WARN".into(), &7.into()));
}

#[test]
fn what_is_less_important_than_the_level_is_not_written() {
    assert_eq!(logged(LogFormat::Text, false, || tracing::debug!("chatter")), "");
}

#[test]
fn a_name_forges_no_field_after_its_quotes() {
    let line = logged(LogFormat::Text, false, || access("x\\\" bytes=0 outcome=ok y"));
    assert!(
        line.contains(r#"name="x\\\" bytes=0 outcome=ok y" bytes=3"#),
        "{line}"
    );
    let line = logged(LogFormat::Text, false, || access("a\\"));
    assert!(line.contains(r#"name="a\\" bytes=3"#), "{line}");
}

#[test]
fn no_text_turns_the_direction_of_a_line_or_separates_two() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let line = logged(format, false, || {
            access("a\u{202e}b\u{2028}c\u{2029}d\u{2066}e\u{200f}")
        });
        assert!(line.is_ascii(), "{line}");
    }
}
