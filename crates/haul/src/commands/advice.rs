//! Why something failed, in a sentence that says what to do about it here: the server does not know which command was
//! typed, and the client library not that it was typed at all.

use std::io;

use haul_client::{Address, Code, Error, Refusal};
use indicatif::HumanBytes;

/// The sentence for an error of `haul VERB`.
pub(super) fn sentence(verb: &str, error: &Error) -> String {
    match error {
        Error::Connect { address, cause } => connect(address, cause),
        Error::Refused(refusal) => refused(verb, refusal),
        Error::Protocol(_) => format!("{error}; is a haul server listening there, or something else?"),
        Error::Timeout(_) => format!("{error}; a longer --timeout waits longer"),
        Error::Local(cause) => local(cause),
        Error::Interrupted(_) | Error::NoAnswer(_) | Error::Corrupt(_) | Error::Unsupported(_) => {
            error.to_string()
        }
    }
}

/// What an interruption leaves behind, if that is something.
pub(super) fn kept(bytes: u64) -> Option<String> {
    (bytes > 0).then(|| {
        format!(
            "{} are kept: run the same command again to continue",
            HumanBytes(bytes)
        )
    })
}

fn connect(address: &Address, cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::ConnectionRefused => format!(
            "cannot connect to {address}: no server listens there; start one with `haul serve`, or name another with \
             --server"
        ),
        io::ErrorKind::TimedOut => {
            format!(
                "cannot connect to {address}: no answer; check the address, and whether a firewall is between"
            )
        }
        _ if cause.to_string().contains("lookup address") => format!(
            "cannot connect to {address}: the host {} is not known ({cause}); check its name, or give its IP address",
            address.host()
        ),
        _ => format!("cannot connect to {address}: {cause}"),
    }
}

fn refused(verb: &str, refusal: &Refusal) -> String {
    let said = &refusal.sentence;
    match (refusal.code, verb) {
        (Code::IsADirectory, "get") => "it is a folder on the server; add -r to download what is in it".to_owned(),
        (Code::IsADirectory, "rm") => "it is a folder; add -r to remove it with all that is in it".to_owned(),
        (Code::IsADirectory, "stat") => "it is a folder; `haul ls` shows what is in it".to_owned(),
        (Code::IsADirectory, "put") => {
            "there is a folder of that name on the server; --to with a slash at its end stores the file in it".to_owned()
        }
        (Code::Exists, "put") if said.contains("exists already") => {
            "the server has it already; leave out --no-clobber to replace it, or choose another name with --to".to_owned()
        }
        _ => said.replace("LIST shows what is", "`haul ls` shows what is"),
    }
}

fn local(cause: &io::Error) -> String {
    match cause.raw_os_error().map(|_| cause.kind()) {
        Some(io::ErrorKind::NotFound) => "there is no such file here".to_owned(),
        Some(io::ErrorKind::PermissionDenied) => format!("this user may not open it ({cause})"),
        Some(io::ErrorKind::StorageFull) => format!("there is no room left on this machine ({cause})"),
        _ => cause.to_string(),
    }
}

/// Why a download cannot be written to a file, with the file's name and what to do.
pub(super) fn unwritable(path: &std::path::Path, cause: &io::Error) -> Error {
    let shown = path.display();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let sentence = match (cause.raw_os_error().map(|_| cause.kind()), folder) {
        (Some(io::ErrorKind::NotFound), Some(folder)) => format!(
            "cannot write {shown}: there is no folder {folder}; make it, or write -o {folder}/ to have it made",
            folder = folder.display()
        ),
        (Some(io::ErrorKind::PermissionDenied), _) => {
            format!(
                "cannot write {shown}: this user may not write there ({cause}); choose another place with -o"
            )
        }
        (Some(_), _) => format!("cannot write {shown}: {cause}"),
        // A sentence of the client library, which knows nothing of paths.
        (None, _) => format!("{shown}: {cause}"),
    };
    Error::Local(io::Error::new(cause.kind(), sentence))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn refusal(code: Code, sentence: &str) -> Error {
        Error::Refused(Refusal {
            code,
            sentence: sentence.to_owned(),
        })
    }

    fn unconnected(kind: io::ErrorKind, sentence: &str) -> Error {
        Error::Connect {
            address: Address::new("h", 7),
            cause: io::Error::new(kind, sentence.to_owned()),
        }
    }

    fn folder() -> Error {
        refusal(Code::IsADirectory, "photos is a folder; name a file in it")
    }

    fn os(number: i32) -> Error {
        Error::Local(io::Error::from_raw_os_error(number))
    }

    fn expect(verb: &str, error: &Error, parts: &[&str]) {
        let sentence = sentence(verb, error);
        for part in parts {
            assert!(sentence.contains(part), "{verb}: {part}: {sentence}");
        }
        assert!(
            !sentence.contains("LIST") && !sentence.contains("name a file"),
            "{sentence}"
        );
    }

    #[test]
    fn every_typical_mistake_is_answered_with_its_cure() {
        let refused = unconnected(io::ErrorKind::ConnectionRefused, "");
        expect("ls", &refused, &["haul://h:7", "`haul serve`", "--server"]);
        let unknown = unconnected(io::ErrorKind::Other, "failed to lookup address information");
        expect("ls", &unknown, &["host h is not known", "IP address"]);
        expect("ls", &unconnected(io::ErrorKind::TimedOut, ""), &["firewall"]);
        expect("get", &folder(), &["-r"]);
        expect("rm", &folder(), &["-r"]);
        expect("put", &folder(), &["slash at its end"]);
        expect("stat", &folder(), &["`haul ls`"]);
        let missing = refusal(Code::NotFound, "x is not there; LIST shows what is");
        expect("get", &missing, &["`haul ls` shows"]);
        let exists = refusal(Code::Exists, "LONG exists already; choose another name");
        expect("put", &exists, &["--no-clobber", "--to"]);
        let page = Error::Protocol("it starts with '<'".into());
        expect("ls", &page, &["is a haul server listening there"]);
        expect("put", &os(2), &["no such file here"]);
        expect("put", &os(13), &["may not open it"]);
        expect("get", &os(28), &["no room left on this machine"]);
        let unwritable = |path: &str, cause| unwritable(Path::new(path), &cause);
        let os = io::Error::from_raw_os_error;
        expect(
            "get",
            &unwritable("new/file", os(2)),
            &["no folder new", "-o new/"],
        );
        expect("get", &unwritable("/root/a", os(13)), &["/root/a", "-o"]);
        expect(
            "get",
            &unwritable("a", io::Error::other("it is a folder")),
            &["a: it is a folder"],
        );
    }

    #[test]
    fn what_an_interruption_leaves_is_said_where_there_is_something() {
        assert_eq!(kept(0), None);
        assert!(
            kept(504 << 20)
                .unwrap()
                .starts_with("504.00 MiB are kept: run the same command again")
        );
    }
}
