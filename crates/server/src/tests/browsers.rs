//! Requests of HTTP, as a web page can make any browser send them to this machine: none is acted on.

use super::rows::cuts;
use super::served::Served;

/// What a browser sends for `fetch(…, {method: 'POST', mode: 'no-cors', body})` and for a form of plain text.
fn posted(body: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1:46666\r\nConnection: keep-alive\r\nContent-Length: {}\r\n\
         Content-Type: text/plain;charset=UTF-8\r\nAccept: */*\r\nOrigin: http://evil.example\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn a_page_in_a_browser_can_neither_delete_nor_upload() {
    let served = Served::writable();
    served.place("photo.jpg", "a photo");
    let before = served.files();
    let commands =
        "DELETE photo.jpg\r\nUPLOAD b.html PHNj\r\n{\"command\":\"delete\",\"filename\":\"photo.jpg\"}\r\n";
    let long = posted(commands).replacen('/', &format!("/{}", "a".repeat(9000)), 1);
    let short = [
        posted(commands),
        format!("POST / HTTP/1.1\r\nHost: x\r\n\r\n{commands}"),
        format!("\r\nGET /photo.jpg HTTP/1.0\n\n{commands}"),
        format!("DELETE photo.jpg HTTP/1.1\r\nHost: x\r\n\r\n{commands}"),
        format!("Host: x\r\n{commands}"),
        format!("UPLOAD c.txt\r\nHost: x\r\n{commands}"),
    ];
    let cut = short.iter().flat_map(|request| cuts(request.as_bytes()));
    let whole = long.as_bytes().chunks(2000).collect();
    for pieces in cut.chain([whole]) {
        let mut talk = served.talk();
        for piece in pieces {
            // The server may have closed already, which is what it should do.
            if !talk.try_send(piece) {
                break;
            }
        }
        talk.rest();
        assert_eq!(served.files(), before);
    }
}

#[test]
fn an_http_request_is_told_in_http_what_this_is() {
    let served = Served::writable();
    for request in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a HTTP/1.0\r\n\r\n"] {
        for pieces in cuts(request.as_bytes()) {
            let mut talk = served.talk();
            for piece in pieces {
                if !talk.try_send(piece) {
                    break;
                }
            }
            let answer = String::from_utf8(talk.rest()).unwrap();
            let (head, text) = answer.split_once("\r\n\r\n").expect("an answer of HTTP");
            assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
            assert!(
                head.contains(&format!("Content-Length: {}", text.len())),
                "{head}"
            );
            assert!(!head.to_ascii_lowercase().contains("access-control"), "{head}");
            assert!(text.contains("haul ls --server"), "{text}");
        }
    }
}

#[test]
fn http_later_on_a_connection_ends_it() {
    let served = Served::writable();
    served.place("a", "content");
    for foreign in ["GET / HTTP/1.1\r\n", "Host: x\r\n"] {
        let mut talk = served.talk();
        assert_eq!(talk.ask("LIST\r\n")["data"][0], "a");
        let refusal = talk.ask(format!("{foreign}DELETE a\r\n"));
        assert_eq!(refusal["code"], "bad-request", "{refusal}");
        talk.expect_end();
        assert_eq!(served.read("a"), b"content");
    }
}

#[test]
fn three_refused_lines_without_a_good_one_end_the_connection() {
    let served = Served::writable();
    served.place("a", "content");
    let mut talk = served.talk();
    talk.send("EHLO x\r\nSTAT\r\nnothing\r\nDELETE a\r\n");
    for code in ["unknown-verb", "bad-request", "unknown-verb"] {
        assert_eq!(talk.reply()["code"], code);
    }
    talk.expect_end();
    assert_eq!(served.read("a"), b"content");
}

#[test]
fn refused_lines_behind_a_good_one_do_not_end_the_connection() {
    let served = Served::writable();
    let mut talk = served.talk();
    assert_eq!(talk.ask("GET nothing\r\n")["code"], "not-found");
    for _ in 0..5 {
        assert_eq!(talk.ask("nonsense\r\n")["code"], "unknown-verb");
    }
    assert_eq!(talk.ask("LIST\r\n")["status"], "OK");
    talk.finish();
}
