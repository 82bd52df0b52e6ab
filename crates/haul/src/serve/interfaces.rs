//! The addresses that this machine has, as the kernel tells them: no packet is sent for it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The machine's addresses, without link-local ones, which need a zone to be typed. Empty where the kernel tells nothing.
pub(super) fn addresses() -> Vec<IpAddr> {
    let v4 = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let v6 = fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let mut addresses: Vec<IpAddr> = local_v4(&v4).into_iter().map(IpAddr::V4).collect();
    addresses.extend(local_v6(&v6).into_iter().map(IpAddr::V6));
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// The routing table has an address on one line and, on the next, what it is: `/32 host LOCAL` for one of this machine.
fn local_v4(fib_trie: &str) -> Vec<Ipv4Addr> {
    let mut found: Vec<Ipv4Addr> = Vec::new();
    let mut last = None;
    for line in fib_trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = last.take()
        {
            found.push(address);
        }
    }
    found.retain(|address| !address.is_link_local());
    found
}

/// One address on each line, as 32 hexadecimal digits without colons at its beginning.
fn local_v6(if_inet6: &str) -> Vec<Ipv6Addr> {
    let numbers = if_inet6
        .lines()
        .filter_map(|line| u128::from_str_radix(line.split_whitespace().next()?, 16).ok());
    numbers
        .map(Ipv6Addr::from_bits)
        .filter(|address| !address.is_unicast_link_local())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_tables_are_read() {
        let fib_trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     +-- 127.0.0.0/8 2 0 2\n        |-- 127.0.0.1\n           /32 host LOCAL\n     |-- 192.168.1.5\n        /32 host LOCAL\n     |-- 192.168.1.255\n        /32 link BROADCAST\n";
        assert_eq!(
            local_v4(fib_trie),
            [Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 168, 1, 5)]
        );
        let if_inet6 = "00000000000000000000000000000001 01 80 10 80       lo\n\
                        fe800000000000000000000000000001 02 40 20 80     eth0\n\
                        20010db8000000000000000000000005 02 40 00 80     eth0\n";
        let expected: [Ipv6Addr; 2] = ["::1".parse().unwrap(), "2001:db8::5".parse().unwrap()];
        assert_eq!(local_v6(if_inet6), expected);
        assert!(local_v4("|-- x\n/32 host LOCAL").is_empty() && local_v6("x\n\n").is_empty());
    }
}
