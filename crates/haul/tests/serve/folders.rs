//! Folders can be removed, as long as they are empty.

use serde_json::json;

use crate::rows::{cuts, expect_done, expect_refusal};
use crate::served::Served;
use crate::under_every_pool;

under_every_pool! {
    an_empty_folder_is_removed_however_the_request_is_cut
    a_folder_that_is_not_empty_a_file_and_nothing_are_not_removed
    a_removal_without_a_line_end_is_never_guessed
}

fn an_empty_folder_is_removed_however_the_request_is_cut(pool: &str) {
    let served = Served::writable(pool);
    for request in ["RMDIR top/my%20folder\r\n", "rmdir top/my%20folder\n"] {
        for cut in cuts(request.as_bytes()) {
            served.place("top/my folder/file", "");
            std::fs::remove_file(served.path("top/my folder/file")).unwrap();
            let mut talk = served.talk();
            talk.send_pieces(cut);
            expect_done(&talk.reply(), "top/my folder");
            assert!(!served.path("top/my folder").exists());
            assert!(served.path("top").is_dir(), "what it lay in stays");
            talk.finish();
        }
    }
    let mut talk = served.talk();
    expect_done(&talk.ask("RMDIR top\r\n"), "top");
    assert_eq!(talk.ask("LS\r\n")["data"], json!([]));
    talk.finish();
}

fn a_folder_that_is_not_empty_a_file_and_nothing_are_not_removed(pool: &str) {
    let served = Served::writable(pool);
    served.place("full/.hidden", "");
    served.place("file", "kept");
    let before = served.files();
    let mut talk = served.talk();
    for (operand, code) in [
        ("full", "exists"),
        ("file", "bad-request"),
        ("full/.hidden", "bad-request"),
        ("nothing", "not-found"),
        ("file/below", "not-found"),
        (".", "invalid-name"),
        ("full/..", "invalid-name"),
        ("/", "invalid-name"),
    ] {
        expect_refusal(&talk.ask(format!("RMDIR {operand}\r\n")), code, &served);
    }
    talk.finish();
    assert_eq!(served.files(), before);

    let read_only = Served::with(pool, &[]);
    read_only.place("empty/file", "");
    std::fs::remove_file(read_only.path("empty/file")).unwrap();
    let mut talk = read_only.talk();
    expect_refusal(&talk.ask("RMDIR empty\r\n"), "forbidden", &read_only);
    assert!(read_only.path("empty").is_dir());
    talk.finish();
}

fn a_removal_without_a_line_end_is_never_guessed(pool: &str) {
    let served = Served::writable(pool);
    served.place("dir/inner/file", "");
    std::fs::remove_file(served.path("dir/inner/file")).unwrap();
    let mut talk = served.talk();
    // The beginning of the name of another folder, perhaps.
    talk.send("RMDIR dir/inner");
    talk.half_close();
    assert_eq!(talk.reply()["status"], "ERROR");
    talk.expect_end();
    assert!(served.path("dir/inner").is_dir());
}
