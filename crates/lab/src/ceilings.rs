//! The limits of the machine, measured in the same run: TCP over loopback, base64, copying memory, writing a file.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64_turbo::STANDARD;
use haul_results::{Ceiling, CeilingKind};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use socket2::SockRef;

/// ByteSize that a receiver takes, and a file is given, at a time.
const PIECE_BYTES: usize = 128 * 1024;
/// How bytes are sent over TCP: one stream over loopback is two to three times as fast in one moment as in the next,
/// depending on where the system lets both ends run and how they wait for each other. So several ways are tried several times
/// each, and the fastest counts: a ceiling that programs exceed is none.
const WAYS: [Way; 4] = [
    Way {
        sent_bytes: 256 * 1024,
        is_limited: false,
    },
    Way {
        sent_bytes: 128 * 1024,
        is_limited: false,
    },
    Way {
        sent_bytes: 256 * 1024,
        is_limited: true,
    },
    Way {
        sent_bytes: 96 * 1024,
        is_limited: true,
    },
];
/// How often each way is tried.
const TRIES: u32 = 3;
/// Content that is encoded at a time: with its base64 it stays in the caches.
const BASE64_BYTES: usize = 24 * 1024;
/// Memory that is copied at a time.
const COPY_BYTES: usize = 8 * 1024 * 1024;
/// The file that is written.
const FILE_BYTES: usize = 64 * 1024 * 1024;

/// A way to send over TCP.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// ByteSize at a time.
    sent_bytes: usize,
    /// Whether the window and what waits unsent are limited as the clients do it, or left to the system.
    is_limited: bool,
}

/// All ceilings, in the order in which a round measures them.
pub(crate) const KINDS: [CeilingKind; 8] = [
    CeilingKind::Tcp { streams: 1 },
    CeilingKind::Tcp { streams: 5 },
    CeilingKind::Tcp { streams: 50 },
    CeilingKind::Base64Encode,
    CeilingKind::Base64Decode,
    CeilingKind::MemoryCopy,
    CeilingKind::FileBuffered,
    CeilingKind::FileSynced,
];

/// Measures one ceiling once, for about `span`; bytes per second.
pub(crate) fn measure(kind: CeilingKind, folder: &Path, span: Duration) -> io::Result<f64> {
    match kind {
        CeilingKind::Tcp { streams } => tcp(streams, span),
        CeilingKind::Base64Encode => Ok(encode(span)),
        CeilingKind::Base64Decode => Ok(decode(span)),
        CeilingKind::MemoryCopy => Ok(copy(span)),
        CeilingKind::FileBuffered => file(&folder.join("ceiling"), false),
        CeilingKind::FileSynced => file(&folder.join("ceiling"), true),
    }
}

/// The ceiling of a kind with one more measurement.
pub(crate) fn add(ceilings: &[Ceiling], kind: CeilingKind, bytes_per_s: f64) -> Ceiling {
    let known = ceilings.iter().find(|ceiling| ceiling.kind == kind);
    let mut ceiling = known.cloned().unwrap_or(Ceiling {
        kind,
        bytes_per_s: Vec::new(),
    });
    ceiling.bytes_per_s.push(bytes_per_s);
    ceiling
}

/// Repeats `step`, which moves `bytes`, for at least `span`.
fn rate(span: Duration, bytes: usize, mut step: impl FnMut()) -> f64 {
    step();
    let begun = Instant::now();
    let mut moved = 0_u64;
    loop {
        step();
        moved += bytes as u64;
        let elapsed = begun.elapsed();
        if elapsed >= span {
            return moved as f64 / elapsed.as_secs_f64();
        }
    }
}

fn encode(span: Duration) -> f64 {
    let content = vec![0x5a_u8; BASE64_BYTES];
    let mut text = vec![0; BASE64_BYTES / 3 * 4];
    rate(span, BASE64_BYTES, || {
        let written = STANDARD.encode_slice(black_box(&content), black_box(&mut text));
        black_box(written.expect("there is room for the text"));
    })
}

fn decode(span: Duration) -> f64 {
    let text = STANDARD.encode(vec![0x5a_u8; BASE64_BYTES]);
    let mut content = vec![0; BASE64_BYTES];
    rate(span, BASE64_BYTES, || {
        let written = STANDARD.decode_slice(black_box(text.as_bytes()), black_box(&mut content));
        black_box(written.expect("what was encoded can be decoded"));
    })
}

fn copy(span: Duration) -> f64 {
    let from = vec![1_u8; COPY_BYTES];
    let mut to = vec![2_u8; COPY_BYTES];
    rate(span, COPY_BYTES, || {
        black_box(&mut to).copy_from_slice(black_box(&from))
    })
}

fn file(path: &Path, synced: bool) -> io::Result<f64> {
    let piece = vec![3_u8; PIECE_BYTES];
    let begun = Instant::now();
    let written = (|| {
        let mut file = File::create(path)?;
        for _ in 0..FILE_BYTES / PIECE_BYTES {
            file.write_all(&piece)?;
        }
        if synced { file.sync_all() } else { Ok(()) }
    })();
    let elapsed = begun.elapsed();
    let removed = std::fs::remove_file(path);
    written.and(removed)?;
    Ok(FILE_BYTES as f64 / elapsed.as_secs_f64())
}

/// All streams together, in the fastest of the ways.
fn tcp(streams: u32, span: Duration) -> io::Result<f64> {
    let tries = TRIES * u32::try_from(WAYS.len()).expect("a few");
    let mut best = 0.0_f64;
    for way in WAYS.into_iter().cycle().take(tries as usize) {
        best = best.max(tcp_once(streams, way, span / tries)?);
    }
    Ok(best)
}

fn tcp_once(streams: u32, way: Way, span: Duration) -> io::Result<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let mut pairs = Vec::new();
    for _ in 0..streams {
        // The connection is complete before it is accepted: one thread can hold both ends.
        let sender = TcpStream::connect(address)?;
        let receiver = listener.accept()?.0;
        if way.is_limited {
            set_socket_recv_buffer_size(&receiver, haul_client::LOOPBACK_WINDOW_BYTES)?;
            SockRef::from(&sender).set_tcp_notsent_lowat(haul_client::UNSENT_BYTES)?;
        }
        pairs.push((sender, receiver));
    }
    let over = AtomicBool::new(false);
    let received = AtomicU64::new(0);
    let begun = Instant::now();
    thread::scope(|scope| {
        for (sender, receiver) in pairs {
            scope.spawn(|| pour(sender, way.sent_bytes, &over));
            scope.spawn(|| drain(receiver, &received));
        }
        thread::sleep(span);
        over.store(true, Ordering::Relaxed);
    });
    Ok(received.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
}

fn pour(mut sender: TcpStream, sent_bytes: usize, over: &AtomicBool) {
    let piece = vec![4_u8; sent_bytes];
    // At least one piece, however late a busy machine begins.
    while sender.write_all(&piece).is_ok() && !over.load(Ordering::Relaxed) {}
}

fn drain(mut receiver: TcpStream, received: &AtomicU64) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(count @ 1..) = receiver.read(&mut piece) {
        received.fetch_add(count as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn every_ceiling_can_be_measured_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        for kind in KINDS {
            let rate = measure(kind, folder.path(), Duration::from_millis(1)).unwrap();
            assert!(rate.is_finite() && rate > 0.0, "{kind:?}: {rate}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn measurements_of_a_kind_are_collected() {
        let one = add(&[], CeilingKind::MemoryCopy, 1.0);
        assert_eq!(add(&[one], CeilingKind::MemoryCopy, 2.0).bytes_per_s, [1.0, 2.0]);
    }
}
