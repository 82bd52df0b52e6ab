//! UPLOAD in a form that can be read in two ways: what its object is called on the disk and in the log.

use crate::rows::Outcome::{Names, Refused, Stored};
use crate::rows::expect;
use crate::served::Served;
use crate::{base64, content, under_every_pool};

under_every_pool! {
    a_large_upload_gets_the_name_that_its_length_decides
}

fn a_large_upload_gets_the_name_that_its_length_decides(pool: &str) {
    let served = Served::writable(pool);
    let bytes = content("length", 9_000_001);
    let payload = base64(&bytes);
    for (length, named) in [
        (bytes.len(), "up.bin"),
        (payload.len(), "up.bin"),
        (payload.len() + 1, "up.bin 12000005"),
        (2024, "up.bin 2024"),
    ] {
        served.clear();
        let mut talk = served.talk();
        talk.send(format!("UPLOAD up.bin {length} {payload}\r\n"));
        expect(&mut talk, &served, Stored(named, &bytes));
        assert_eq!(served.files().len(), 1, "nothing else is there");
        talk.finish();
        let log = served.log();
        let line = log.lines().rev().find(|line| line.contains("upload")).unwrap();
        assert!(line.contains(named), "{line}");
    }

    // What one of the two names cannot be does not keep the other from being it.
    served.clear();
    served.place("sub/up 12000004/file", "");
    let long = "n".repeat(255);
    for request in [
        format!("sub/up {}", payload.len()),
        format!("{long} {}", bytes.len()),
    ] {
        let mut talk = served.talk();
        talk.send(format!("UPLOAD {request} {payload}\r\nLIST\r\n"));
        let named = request.rsplit_once(' ').unwrap().0;
        expect(&mut talk, &served, Stored(named, &bytes));
        assert_eq!(talk.reply()["status"], "OK");
        talk.finish();
    }
    let before = served.files();
    let mut talk = served.talk();
    talk.send(format!(
        "UPLOAD {long} 9 {payload}\r\nUPLOAD sub {} {payload}\r\nLIST\r\n",
        payload.len()
    ));
    expect(&mut talk, &served, Refused("invalid-name"));
    expect(&mut talk, &served, Refused("is-a-directory"));
    expect(&mut talk, &served, Names(&[long.as_str()]));
    talk.finish();
    assert_eq!(served.files(), before);
}
