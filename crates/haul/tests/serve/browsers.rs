//! A request of HTTP, as a browser sends it to this machine. What is made of it is tested in the server's crate; here, that the
//! answer arrives in spite of all that the browser sends behind it.

use std::io::Write as _;

use crate::rows::cuts;
use crate::served::Served;
use crate::under_every_pool;

under_every_pool! {
    an_http_request_is_told_in_http_what_this_is
}

fn an_http_request_is_told_in_http_what_this_is(pool: &str) {
    let served = Served::writable(pool);
    for request in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a HTTP/1.0\r\n\r\n"] {
        for pieces in cuts(request.as_bytes()) {
            let mut talk = served.talk();
            for piece in pieces {
                if talk.stream.write_all(piece).is_err() {
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
