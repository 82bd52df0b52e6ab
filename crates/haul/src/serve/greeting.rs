//! The lines that a server logs once at its start: what it serves, at which addresses, and which risks that has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use haul_server::{Config, ServedRoot};

use super::interfaces;

/// Addresses that the start line shows, at most: a machine may have hundreds.
const ADDRESSES_MAX: usize = 8;

/// Logs the start line and the warnings, for a server that listens on `addresses`.
pub(super) fn log(config: &Config, addresses: &[SocketAddr]) {
    let root = absolute(&config.root);
    tracing::info!(
        %root,
        mode = if config.writable { "writable" } else { "read-only" },
        pool = %config.pool,
        addresses = reachable(addresses, &interfaces::addresses()).join(" "),
        "serving"
    );
    for warning in warnings(config, &root, addresses) {
        tracing::warn!("{warning}");
    }
}

/// What is served, a folder by its full path.
fn absolute(root: &ServedRoot) -> ServedRoot {
    match root {
        ServedRoot::Folder(path) => {
            ServedRoot::Folder(std::fs::canonicalize(path).unwrap_or_else(|_| path.clone()))
        }
        ServedRoot::Memory(size) => ServedRoot::Memory(*size),
    }
}

/// The addresses that a person can type. One that stands for all of the machine is replaced by those that it has.
fn reachable(listening: &[SocketAddr], of_machine: &[IpAddr]) -> Vec<String> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for address in listening {
        let hosts = match address.ip() {
            ip if !ip.is_unspecified() => vec![ip],
            IpAddr::V4(_) => of_kind(of_machine, Ipv4Addr::LOCALHOST.into()),
            // A listener on [::] takes IPv4 too, unless the system says otherwise; what is shown works in any case.
            IpAddr::V6(_) => of_kind(of_machine, Ipv6Addr::LOCALHOST.into()),
        };
        for host in hosts {
            let host = SocketAddr::new(host, address.port());
            if !found.contains(&host) {
                found.push(host);
            }
        }
    }
    found
        .iter()
        .take(ADDRESSES_MAX)
        .map(|address| format!("haul://{address}"))
        .collect()
}

/// The loopback address and those of the machine that are of its kind.
fn of_kind(of_machine: &[IpAddr], loopback: IpAddr) -> Vec<IpAddr> {
    let others = of_machine.iter().copied();
    let others = others.filter(|ip| ip.is_ipv4() == loopback.is_ipv4() && !ip.is_loopback());
    std::iter::once(loopback).chain(others).collect()
}

fn warnings(config: &Config, root: &ServedRoot, addresses: &[SocketAddr]) -> Vec<String> {
    let mut warnings = Vec::new();
    let open: Vec<String> = addresses
        .iter()
        .filter(|address| !address.ip().is_loopback())
        .map(ToString::to_string)
        .collect();
    if !open.is_empty() {
        let can = if config.writable {
            "read, write and delete"
        } else {
            "read"
        };
        warnings.push(format!(
            "there is no login and no encryption: anyone who can reach {} can {can} what is in this folder",
            open.join(" or ")
        ));
    }
    if *root == ServedRoot::Folder("/".into()) {
        warnings.push("the whole file system is served: name a folder, unless that is meant".to_owned());
    }
    if config.unterminated_writes {
        warnings.push(
            "UPLOAD and DELETE are obeyed without a line end: a sender that stalls leaves half a file, or has the wrong \
             one deleted"
                .to_owned(),
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn an_address_for_the_whole_machine_is_shown_as_those_that_can_be_typed() {
        let of_machine = ["127.0.0.1", "192.168.1.5", "2001:db8::5"].map(|text| text.parse().unwrap());
        assert_eq!(
            reachable(&addresses(&["0.0.0.0:7"]), &of_machine),
            ["haul://127.0.0.1:7", "haul://192.168.1.5:7"]
        );
        assert_eq!(
            reachable(&addresses(&["[::]:7"]), &of_machine),
            ["haul://[::1]:7", "haul://[2001:db8::5]:7"]
        );
        assert_eq!(
            reachable(&addresses(&["127.0.0.1:7", "0.0.0.0:7"]), &[]),
            ["haul://127.0.0.1:7"]
        );
    }

    #[test]
    fn what_is_risky_is_said_and_nothing_else() {
        let config = |writable, unterminated_writes| Config {
            writable,
            unterminated_writes,
            ..Config::default()
        };
        let here = &ServedRoot::Folder("/srv".into());
        let loopback = addresses(&["127.0.0.1:1", "[::1]:1"]);
        assert!(warnings(&config(true, false), here, &loopback).is_empty());
        let open = addresses(&["127.0.0.1:1", "0.0.0.0:2", "192.168.1.5:3"]);
        let said = warnings(&config(false, false), here, &open);
        assert_eq!(said.len(), 1);
        assert!(
            said[0].contains("0.0.0.0:2 or 192.168.1.5:3 can read what"),
            "{}",
            said[0]
        );
        assert!(warnings(&config(true, false), here, &open)[0].contains("can read, write and delete"));
        assert!(warnings(&config(true, true), here, &loopback)[0].contains("without a line end"));
        assert!(
            warnings(&config(false, false), &ServedRoot::Folder("/".into()), &loopback)[0]
                .contains("whole file system")
        );
    }
}
