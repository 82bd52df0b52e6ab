//! A server of the family that is not ours, with objects that a test can look at.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use haul_client::{Address, Client, DialectChoice, Options};

/// How a server reads the operand of a line.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Reads {
    FirstWord,
    Quotes,
    RestOfLine,
    /// The whole line in lower case.
    LowerCase,
    /// The last part of a path.
    Basename,
    /// As a POSIX shell splits words.
    Shell,
    /// The same, but in the line of an UPLOAD at blanks.
    ShellButUploads,
    /// The first word, and an UPLOAD as JSON as well.
    Json,
    /// The first word, and of the path in an UPLOAD the last part.
    BasenameInUploads,
}

/// Where the refusals of a server tell the name.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Tells {
    Nothing,
    /// In an UPLOAD under a name that is too long.
    Uploads,
    /// There, and where nothing is of that name.
    Names,
}

type Objects = Arc<Mutex<BTreeMap<String, String>>>;

/// A server as they are usually written: a request up to CR LF CR LF on each connection, content kept as base64.
pub(super) struct Family {
    address: Address,
    pub(super) objects: Objects,
}

impl Family {
    pub(super) fn serve(reads: Reads, objects: &[(&str, &str)]) -> Self {
        Self::serve_as(reads, Tells::Uploads, objects)
    }

    /// Its refusals of what is not there tell the name.
    pub(super) fn serve_telling(reads: Reads, objects: &[(&str, &str)]) -> Self {
        Self::serve_as(reads, Tells::Names, objects)
    }

    pub(super) fn serve_as(reads: Reads, tells: Tells, objects: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::new("127.0.0.1", listener.local_addr().unwrap().port());
        let objects: Objects = Arc::new(Mutex::new(owned(objects).into_iter().collect()));
        let served = Arc::clone(&objects);
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), reads, tells, &served);
            }
        });
        Self { address, objects }
    }

    pub(super) fn client(&self) -> Client {
        let options = Options {
            dialect: DialectChoice::Auto,
            retries: Some(0),
            ..Options::default()
        };
        Client::new(self.address.clone(), options)
    }

    pub(super) fn objects(&self) -> Vec<(String, String)> {
        self.objects.lock().unwrap().clone().into_iter().collect()
    }
}

fn answer(mut stream: TcpStream, reads: Reads, tells: Tells, objects: &Objects) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(count @ 1..) => request.extend_from_slice(&piece[..count]),
            _ => return,
        }
    }
    let line = String::from_utf8(request).unwrap();
    let reply = act(line.trim_end(), reads, tells, &mut objects.lock().unwrap());
    stream.write_all(format!("{reply}\r\n\r\n").as_bytes()).ok();
}

fn act(line: &str, reads: Reads, tells: Tells, objects: &mut BTreeMap<String, String>) -> String {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let as_json = (reads == Reads::Json && line.starts_with('{')).then(|| json_operands(line));
    let verb = if as_json.is_some() { "UPLOAD" } else { verb };
    let is_json = as_json.is_some();
    let (name, payload) = as_json.unwrap_or_else(|| operands(rest, verb == "UPLOAD", reads));
    let failed = |what: &str| {
        let sentence = serde_json::to_string(&format!("{what}: '{name}'")).unwrap();
        format!(r#"{{"status":"ERROR","data":{sentence}}}"#)
    };
    let missing = || {
        let what = "[Errno 2] No such file or directory";
        if tells == Tells::Names {
            failed(what)
        } else {
            format!(r#"{{"status":"ERROR","data":"{what}"}}"#)
        }
    };
    match verb {
        "LIST" => {
            let names = serde_json::to_string(&objects.keys().collect::<Vec<_>>()).unwrap();
            format!(r#"{{"status":"OK","data":{names}}}"#)
        }
        "GET" => objects.get(&name).map_or_else(missing, |content| {
            let name = serde_json::to_string(&name).unwrap();
            format!(r#"{{"status":"OK","data_namafile":{name},"data_file":"{content}"}}"#)
        }),
        "UPLOAD" if name.rsplit('/').next().is_some_and(|last| last.len() > 255) => match tells {
            Tells::Nothing => r#"{"status":"ERROR","data":"it failed"}"#.to_owned(),
            _ => failed("[Errno 36] File name too long"),
        },
        "UPLOAD" if is_json => {
            objects.insert(name, format!("as JSON: {} letters", payload.len()));
            r#"{"status":"OK","data":"stored"}"#.to_owned()
        }
        "UPLOAD" => {
            objects.insert(name, payload);
            r#"{"status":"OK","data":"stored"}"#.to_owned()
        }
        "DELETE" => match objects.remove(&name) {
            Some(_) => r#"{"status":"OK","data":"removed"}"#.to_owned(),
            None => missing(),
        },
        _ => r#"{"status":"ERROR","data":"request tidak dikenali"}"#.to_owned(),
    }
}

fn json_operands(line: &str) -> (String, String) {
    let request: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(request["command"], "upload");
    let text = |key: &str| request[key].as_str().unwrap().to_owned();
    (text("filename"), text("filedata"))
}

/// Splits as a POSIX shell does; an odd quote is passed over.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let word = words.last_mut().unwrap();
        match (quote, character) {
            (None, ' ') => words.push(String::new()),
            (None, '\'' | '"') => quote = Some(character),
            (None | Some('"'), '\\') => word.extend(characters.next()),
            (Some(open), _) if open == character => quote = None,
            _ => word.push(character),
        }
    }
    words
}

fn operands(rest: &str, has_payload: bool, reads: Reads) -> (String, String) {
    let split = match reads {
        Reads::Shell => shell_words(rest),
        Reads::ShellButUploads if !has_payload => shell_words(rest),
        Reads::LowerCase => rest
            .to_lowercase()
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        _ => rest.split_whitespace().map(str::to_owned).collect(),
    };
    let mut words = split.into_iter();
    let mut first_words = || (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match reads {
        Reads::FirstWord | Reads::LowerCase | Reads::Shell | Reads::ShellButUploads | Reads::Json => {
            first_words()
        }
        Reads::BasenameInUploads if !has_payload => first_words(),
        Reads::Basename | Reads::BasenameInUploads => {
            let (name, payload) = first_words();
            (name.rsplit('/').next().unwrap_or_default().to_owned(), payload)
        }
        Reads::Quotes => match rest.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) {
            Some((name, payload)) => (name.to_owned(), payload.trim().to_owned()),
            None => first_words(),
        },
        Reads::RestOfLine if has_payload => {
            let (name, payload) = rest.rsplit_once(' ').unwrap_or((rest, ""));
            (name.to_owned(), payload.to_owned())
        }
        Reads::RestOfLine => (rest.to_owned(), String::new()),
    }
}

pub(super) fn owned(objects: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(name, content): &(&str, &str)| ((*name).to_owned(), (*content).to_owned());
    objects.iter().map(own).collect()
}
