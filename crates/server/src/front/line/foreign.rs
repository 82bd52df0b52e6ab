//! What a client of another protocol is told: a browser, or curl, that takes this port for a web server.

use haul_wire::{Code, Refusal};

/// Why the connection ends, for a client that has spoken the line protocol before.
pub(super) fn refusal() -> Refusal {
    Refusal::new(
        Code::BadRequest,
        "this port does not speak HTTP; the connection ends here, and nothing behind this line is acted on",
    )
}

/// The answer to a request of HTTP. It allows no other site to read it.
pub(super) fn http_answer() -> String {
    const TEXT: &str = "This is haul, a file server. It does not speak HTTP, so browsers and curl cannot use it.\n\
        \n\
        With haul:     haul ls --server haul://HOST:PORT\n\
        Without haul:  printf 'LIST\\r\\n' | nc HOST PORT\n";
    format!(
        "HTTP/1.1 400 Bad Request\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\n\
         Cache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\n\
         Connection: close\r\n\
         \r\n\
         {TEXT}",
        TEXT.len()
    )
}
