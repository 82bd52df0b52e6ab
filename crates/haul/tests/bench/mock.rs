//! A server of the family in this process: classic verbs, objects in memory, one request per connection. Requests that the
//! test holds back are answered when it lets them.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What the test and the connections share.
#[derive(Default)]
struct State {
    objects: HashMap<String, Vec<u8>>,
    /// By verb and name, the requests that the test holds back; unless so many are still free.
    held: Option<fn(&str, &str) -> bool>,
    free: usize,
    /// Requests that wait for the test.
    waiting: usize,
    is_open: bool,
    upload_refusal: Option<&'static str>,
}

pub(crate) struct Mock {
    address: SocketAddr,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Mock {
    /// Answers so many GETs at once and holds the others back.
    pub(crate) fn holding_after(free: usize) -> Self {
        Self::start(State {
            held: Some(|verb, _| verb == "GET"),
            free,
            ..State::default()
        })
    }

    /// Holds back the requests that are `held`, by verb and name.
    pub(crate) fn holding(held: fn(&str, &str) -> bool) -> Self {
        Self::start(State {
            held: Some(held),
            ..State::default()
        })
    }

    /// Answers everything; uploads of clients with this refusal.
    pub(crate) fn refusing_uploads(code: &'static str) -> Self {
        Self::start(State {
            upload_refusal: Some(code),
            ..State::default()
        })
    }

    fn start(state: State) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new((Mutex::new(state), Condvar::new()));
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&served);
                thread::spawn(move || serve(&stream, &served));
            }
        });
        Self { address, shared }
    }

    /// As flags of `bench`.
    pub(crate) fn flags(&self) -> String {
        format!("--target haul://{} --pools threads:1", self.address)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.shared.0.lock().unwrap().waiting
    }

    /// Lets all requests through, now and later.
    pub(crate) fn open(&self) {
        self.shared.0.lock().unwrap().is_open = true;
        self.shared.1.notify_all();
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.shared.0.lock().unwrap().objects.contains_key(name)
    }

    pub(crate) fn objects(&self) -> usize {
        self.shared.0.lock().unwrap().objects.len()
    }
}

fn serve(stream: &TcpStream, shared: &(Mutex<State>, Condvar)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() {
        return;
    }
    let mut words = line.split_whitespace();
    let mut word = || words.next().unwrap_or_default();
    let (verb, name, payload) = (word(), word(), word());
    hold(verb, name, shared);
    let reply = match verb {
        "GET" => get(name, shared),
        "UPLOAD" => upload(name, payload, shared),
        "DELETE" => match shared.0.lock().unwrap().objects.remove(name) {
            Some(_) => r#"{"status":"OK","data":"gone"}"#.to_owned(),
            None => refusal("not-found"),
        },
        _ => refusal("unknown-verb"),
    };
    // The client may have gone away; that is what some tests are about.
    let mut writer = stream;
    writer.write_all(format!("{reply}\r\n\r\n").as_bytes()).ok();
    stream.shutdown(std::net::Shutdown::Write).ok();
    // Closing with bytes unread would reset the connection.
    while reader.read_line(&mut line).is_ok_and(|count| count > 0) {}
}

fn hold(verb: &str, name: &str, (state, change): &(Mutex<State>, Condvar)) {
    let mut state = state.lock().unwrap();
    if state.is_open || !state.held.is_some_and(|held| held(verb, name)) {
        return;
    }
    if state.free > 0 {
        state.free -= 1;
        return;
    }
    state.waiting += 1;
    state = change.wait_while(state, |state| !state.is_open).unwrap();
    state.waiting -= 1;
}

fn get(name: &str, (state, _): &(Mutex<State>, Condvar)) -> String {
    let state = state.lock().unwrap();
    match state.objects.get(name) {
        Some(content) => {
            format!(
                r#"{{"status":"OK","data_namafile":"{name}","data_file":"{}"}}"#,
                STANDARD.encode(content)
            )
        }
        None => refusal("not-found"),
    }
}

fn upload(name: &str, payload: &str, (state, _): &(Mutex<State>, Condvar)) -> String {
    let mut state = state.lock().unwrap();
    match (state.upload_refusal, name.contains("-upload-")) {
        (Some(code), true) => refusal(code),
        _ => {
            state
                .objects
                .insert(name.to_owned(), STANDARD.decode(payload).unwrap());
            r#"{"status":"OK","data":"stored"}"#.to_owned()
        }
    }
}

fn refusal(code: &str) -> String {
    format!(r#"{{"status":"ERROR","data":"no","message":"no","code":"{code}"}}"#)
}
