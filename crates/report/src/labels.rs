//! What operations, failures and problems are called.

use std::collections::BTreeMap;
use std::fmt;

use haul_results::{FailureClass, Fault, FaultKind, Problem};

use crate::lang::Lang;

/// The name of an operation.
pub(crate) fn operation(operation: haul_results::Operation, lang: Lang) -> &'static str {
    match operation {
        haul_results::Operation::Download => lang.pick("download", "unduh"),
        haul_results::Operation::Upload => lang.pick("upload", "unggah"),
    }
}

/// How many transfers failed, class by class.
pub(crate) fn classes_text(failures: &BTreeMap<FailureClass, impl fmt::Display>) -> String {
    let classes: Vec<String> = failures
        .iter()
        .map(|(class, count)| format!("{count} × {class}"))
        .collect();
    classes.join(", ")
}

/// Why a trial is invalid, as a clause.
pub(crate) fn problem_text(problem: &Problem, lang: Lang) -> String {
    match (problem, lang) {
        (Problem::Fault(fault), lang) => fault_text(fault, lang),
        (Problem::Samples { clients, counted }, Lang::En) => {
            format!("{counted} of {clients} clients left exactly one record")
        }
        (Problem::Samples { clients, counted }, Lang::Id) => {
            format!("{counted} dari {clients} client meninggalkan tepat satu catatan")
        }
        (Problem::Volume { transfers }, Lang::En) => format!("{transfers} transfers moved another volume"),
        (Problem::Volume { transfers }, Lang::Id) => format!("{transfers} transfer memindahkan volume lain"),
        (Problem::Times { transfers }, Lang::En) => format!("{transfers} transfers have impossible times"),
        (Problem::Times { transfers }, Lang::Id) => {
            format!("{transfers} transfer memiliki waktu yang mustahil")
        }
        (
            Problem::Requests {
                clients_ok,
                clients,
                server_ok,
                server,
            },
            Lang::En,
        ) => format!(
            "the books differ: clients count {clients_ok} of {clients} requests as done, the server {server_ok} of {server}"
        ),
        (
            Problem::Requests {
                clients_ok,
                clients,
                server_ok,
                server,
            },
            Lang::Id,
        ) => format!(
            "catatan berbeda: client menghitung {clients_ok} dari {clients} permintaan selesai, server {server_ok} dari {server}"
        ),
        (Problem::Bytes { clients, server }, Lang::En) => {
            format!("the books differ: clients count {clients:#} of content, the server {server:#}")
        }
        (Problem::Bytes { clients, server }, Lang::Id) => {
            format!("catatan berbeda: client menghitung {clients:#} isi, server {server:#}")
        }
    }
}

fn fault_text(fault: &Fault, lang: Lang) -> String {
    let what = match fault.kind {
        FaultKind::ServerNotStarted => lang.pick("the server did not start", "server tidak mulai"),
        FaultKind::ServerDied => lang.pick(
            "the server ended in the middle",
            "server berhenti di tengah jalan",
        ),
        FaultKind::ClientsNotStarted => {
            lang.pick("clients could not be started", "client tidak dapat dijalankan")
        }
        FaultKind::Unreadable => {
            lang.pick("a measurement could not be read", "hasil ukur tidak dapat dibaca")
        }
        FaultKind::Interrupted => lang.pick("interrupted in the middle", "terputus di tengah jalan"),
    };
    if fault.detail.is_empty() {
        what.to_owned()
    } else {
        format!("{what} ({})", fault.detail)
    }
}
