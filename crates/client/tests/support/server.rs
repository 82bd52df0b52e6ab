// A small server of the line protocol with its objects in memory, for the examples of the documentation and their test.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use haul_wire::reply::{self, EntryKind, Facts, Hello, HelloLimits, LsEntry, ReadHead, Stats, Written};
use haul_wire::{Code, PROTOCOL_VERSION, Refusal, Request, RequestDecoder, RequestEvent, Verb, base64};

type Objects = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// When every object was modified.
const MODIFIED: &str = "2026-01-31T12:00:00Z";

/// A server that holds these objects for as long as the process runs.
pub(crate) fn holding(objects: &[(&str, &str)]) -> haul_client::Address {
    let objects = objects
        .iter()
        .map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec()))
        .collect();
    let objects: Objects = Arc::new(Mutex::new(objects));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let objects = Arc::clone(&objects);
            thread::spawn(move || converse(stream, &objects));
        }
    });
    address
}

fn converse(mut stream: TcpStream, objects: &Objects) {
    let mut decoder = RequestDecoder::new();
    let (mut received, mut scratch) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let (mut upload, mut content) = (None, Vec::new());
    while let Ok(count @ 1..) = stream.read(&mut received) {
        let mut input = &received[..count];
        loop {
            let decoded = decoder.decode(input, &mut scratch);
            input = &input[decoded.consumed..];
            let mut out = Vec::new();
            match decoded.event {
                None => break,
                Some(RequestEvent::Request(request @ (Request::Upload { .. } | Request::Write { .. }))) => {
                    upload = Some(request);
                }
                Some(RequestEvent::Request(request)) => {
                    answer(&mut out, &request, &mut objects.lock().unwrap())
                }
                Some(RequestEvent::Body(bytes)) => content.extend_from_slice(bytes),
                Some(RequestEvent::BodyEnd { .. }) => {
                    let content = std::mem::take(&mut content);
                    store(&mut out, &upload.take().unwrap(), content, objects);
                }
                Some(RequestEvent::Refused { refusal, .. }) => reply::refusal(&mut out, &refusal),
                Some(RequestEvent::Skipped | RequestEvent::Foreign) => {}
            }
            if stream.write_all(&out).is_err() {
                return;
            }
        }
    }
}

fn store(out: &mut Vec<u8>, request: &Request, content: Vec<u8>, objects: &Objects) {
    let name = request.name().unwrap().as_str();
    let (size, digest) = (content.len() as u64, digest(&content));
    objects.lock().unwrap().insert(name.to_owned(), content);
    match request {
        Request::Write { .. } => {
            let etag = digest.clone();
            reply::object(out, &Written { size, digest, etag });
        }
        _ => reply::done(out, name, "stored"),
    }
}

fn answer(out: &mut Vec<u8>, request: &Request, objects: &mut BTreeMap<String, Vec<u8>>) {
    let name = request.name().map(|name| name.as_str()).unwrap_or_default();
    match request {
        Request::Hello => reply::object(out, &hello()),
        Request::Stats => reply::object(out, &stats()),
        Request::List => list(out, objects.keys()),
        Request::Ls { .. } => list(out, objects.iter().map(|(name, content)| entry(name, content))),
        Request::RemoveDir { .. } => reply::done(out, name, "removed"),
        _ => match objects.get(name) {
            None => reply::refusal(out, &Refusal::new(Code::NotFound, format!("there is no {name}"))),
            Some(_) if matches!(request, Request::Delete { .. }) => {
                objects.remove(name);
                reply::done(out, name, "removed");
            }
            Some(content) => tell(out, request, name, content),
        },
    }
}

/// STAT, READ or GET of an object that is there.
fn tell(out: &mut Vec<u8>, request: &Request, name: &str, content: &[u8]) {
    let (size, etag) = (content.len() as u64, digest(content));
    let (mode, digest) = (None, Some(etag.clone()));
    match request {
        Request::Stat { .. } => {
            let (name, modified) = (name.to_owned(), MODIFIED.to_owned());
            reply::object(
                out,
                &Facts {
                    name,
                    size,
                    modified,
                    mode,
                    etag,
                    digest,
                },
            );
        }
        Request::Read { offset, length, .. } => {
            let offset = (*offset).min(size);
            let length = length.unwrap_or(size).min(size - offset);
            let modified = Some(MODIFIED.to_owned());
            reply::object(
                out,
                &ReadHead {
                    size,
                    offset,
                    length,
                    modified,
                    mode,
                    etag,
                    digest,
                },
            );
            out.extend_from_slice(&content[offset as usize..][..length as usize]);
        }
        _ => {
            reply::file_begin(out, name);
            let mut text = vec![0; base64::encoded_len(content.len() + 2) + 4];
            let mut encoder = base64::Encoder::new();
            let written = encoder.encode(content, &mut text);
            let end = written + encoder.finish(&mut text[written..]);
            out.extend_from_slice(&text[..end]);
            reply::file_end(out);
        }
    }
}

fn digest(content: &[u8]) -> String {
    blake3::hash(content).to_string()
}

fn list<T: serde::Serialize>(out: &mut Vec<u8>, items: impl Iterator<Item = T>) {
    let mut list = reply::List::begin(out);
    items.for_each(|item| list.item(out, &item));
    list.end(out);
}

fn entry(name: &str, content: &[u8]) -> LsEntry {
    LsEntry {
        name: name.to_owned(),
        kind: EntryKind::File,
        size: content.len() as u64,
        modified: MODIFIED.to_owned(),
    }
}

fn hello() -> Hello {
    Hello {
        server: "example/1".to_owned(),
        protocol: PROTOCOL_VERSION,
        verbs: Verb::ALL
            .iter()
            .map(|verb| verb.as_str().to_ascii_uppercase())
            .collect(),
        pool: "threads".to_owned(),
        limits: HelloLimits {
            max_upload: None,
            max_name: 4096,
            max_connections: 1,
            idle_timeout_seconds: 60,
            stall_timeout_seconds: 60,
        },
        write_options: Vec::new(),
    }
}

fn stats() -> Stats {
    Stats {
        pool: "threads".to_owned(),
        uptime_seconds: 1.0,
        workers: Vec::new(),
    }
}
