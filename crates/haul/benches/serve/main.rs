//! The server beside iperf3, nginx and a plain Python server, in turns, in one run; prints the tables of
//! `docs/performance.md` as Markdown. By hand: `cargo bench --bench serve -- [throughput] [pools] [cost] [memory]
//! [volume] [list] [buffers]`; nothing named means all. Needs iperf3, nginx and python3, some 12 GB in /dev/shm, and for
//! the table of memory 52 GB in the folder for temporary files.
#![allow(missing_docs, clippy::print_stdout)]

mod load;
mod subject;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use haul_client::{Address, Buffers, Condition, Connection, Options};
use load::{Amount, Operation};
use subject::{Scratch, Subject};

const MIB: u64 = 1 << 20;
/// How often everything is measured, in turns; `HAUL_BENCH_ROUNDS` overrides it for a quick look.
fn rounds() -> usize {
    std::env::var("HAUL_BENCH_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(5)
}
/// What clients move at a time unless a table varies it: the client's default.
const BUFFER_BYTES: usize = 128 * 1024;
const HAUL: &str = env!("CARGO_BIN_EXE_haul");

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let is_wanted = |table: &str| wanted.is_empty() || wanted.iter().any(|name| name == table);
    let scratch = Scratch::new()?;
    if is_wanted("throughput") {
        throughput(scratch.path())?;
    }
    if is_wanted("pools") {
        pools(scratch.path())?;
    }
    if is_wanted("cost") {
        cost(scratch.path())?;
    }
    if is_wanted("memory") {
        memory(scratch.path())?;
    }
    if is_wanted("volume") {
        volume(scratch.path())?;
    }
    if is_wanted("list") {
        list(scratch.path())?;
    }
    if is_wanted("buffers") {
        buffers(scratch.path())?;
    }
    Ok(())
}

/// An address of this machine.
fn address(port: u16) -> Address {
    Address::new("127.0.0.1", port)
}

/// A served folder with one object `volume` that the server knows the digest of.
fn served(scratch: &Path, pool: &str, volume_bytes: u64) -> Result<Subject> {
    served_with(scratch, pool, volume_bytes, &[])
}

fn served_with(scratch: &Path, pool: &str, volume_bytes: u64, flags: &[String]) -> Result<Subject> {
    let root = scratch.join("root");
    let _ = fs::remove_dir_all(&root);
    fs::create_dir(&root)?;
    let subject = Subject::haul(Path::new(HAUL), &root, pool, flags)?;
    let mut connection = Connection::open_with(
        &address(subject.port),
        &Options::default(),
        Buffers::new(BUFFER_BYTES),
    )?;
    let mut content = io::Read::take(io::repeat(0xA5), volume_bytes);
    let body = haul_client::Body {
        source: &mut content,
        length_bytes: volume_bytes,
        digest: None,
    };
    connection.write("volume", body, Condition::Always)?;
    Ok(subject)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Enough transfers for about `gibibytes` in all.
fn amount(clients: usize, volume_bytes: u64, gibibytes: u64) -> Amount {
    let transfers = (gibibytes << 30) / (clients as u64 * volume_bytes);
    Amount {
        clients,
        transfers: usize::try_from(transfers.max(1)).expect("a few"),
        volume_bytes,
        buffer_bytes: BUFFER_BYTES,
    }
}

/// How much a table moves. What is stored stays within memory that the host has given before: it takes back what lies
/// free.
fn gibibytes(operation: Operation) -> u64 {
    if operation.stores() { 1 } else { 4 }
}

const OPERATIONS: [Operation; 5] = [
    Operation::ClassicDownload,
    Operation::ClassicUpload,
    Operation::Read,
    Operation::ReadVerified,
    Operation::Write,
];

fn throughput(scratch: &Path) -> Result<()> {
    let subject = served(scratch, "threads:50", 100 * MIB)?;
    let mut ceilings = Vec::new();
    let mut cells = vec![[const { Vec::new() }; 3]; OPERATIONS.len()];
    for _ in 0..rounds() {
        for (operation, row) in OPERATIONS.into_iter().zip(&mut cells) {
            ceilings.push(subject::iperf3(4)?);
            for (clients, rates) in [1, 5, 50].into_iter().zip(row) {
                rates.push(load::run_warm(
                    &address(subject.port),
                    operation,
                    amount(clients, 100 * MIB, gibibytes(operation)),
                )?);
            }
        }
    }
    let ceiling = median(&mut ceilings);
    println!(
        "\niperf3, one stream: median {:.2} GB/s of {}\n",
        ceiling / 1e9,
        ceilings.len()
    );
    println!("| GB/s of content (share of iperf3), `threads:50` | 1 client | 5 clients | 50 clients |");
    println!("|---|---|---|---|");
    for (operation, row) in OPERATIONS.into_iter().zip(&mut cells) {
        print!("| {} |", operation.title());
        for rates in row {
            let rate = median(rates);
            print!(" {:.2} ({:.2}) |", rate / 1e9, rate / ceiling);
        }
        println!();
    }
    Ok(())
}

fn pools(scratch: &Path) -> Result<()> {
    const POOLS: [&str; 3] = ["threads:50", "processes:50", "tasks"];
    // All at once, so that they can take turns; a server that is idle costs nothing.
    let subjects = POOLS.into_iter().map(|pool| {
        let folder = scratch.join(pool.replace(':', "-"));
        fs::create_dir(&folder)?;
        served(&folder, pool, 100 * MIB)
    });
    let subjects = subjects.collect::<Result<Vec<_>>>()?;
    let mut cells = vec![[const { Vec::new() }; 3]; OPERATIONS.len()];
    for _ in 0..rounds() {
        for (operation, row) in OPERATIONS.into_iter().zip(&mut cells) {
            for (subject, rates) in subjects.iter().zip(row) {
                rates.push(load::run_warm(
                    &address(subject.port),
                    operation,
                    amount(50, 100 * MIB, 5),
                )?);
            }
        }
    }
    println!("\n| GB/s of content, 50 clients (share of `threads:50`) | threads:50 | processes:50 | tasks |");
    println!("|---|---|---|---|");
    for (operation, row) in OPERATIONS.into_iter().zip(&mut cells) {
        let rates = row.each_mut().map(|rates| median(rates));
        print!("| {} |", operation.title());
        rates
            .iter()
            .for_each(|rate| print!(" {:.2} ({:.2}) |", rate / 1e9, rate / rates[0]));
        println!();
    }
    Ok(())
}

/// Processor seconds of the server for each GiB of content, 5 clients.
fn cost(scratch: &Path) -> Result<()> {
    println!("\n| server | operation | processor s/GiB, server alone | GB/s |\n|---|---|---|---|");
    for operation in OPERATIONS {
        let subject = served(scratch, "threads:50", 100 * MIB)?;
        let moved = amount(5, 100 * MIB, gibibytes(operation));
        load::run(&address(subject.port), operation, moved)?;
        let before = subject.processor_seconds();
        let rate = load::run(&address(subject.port), operation, moved)?;
        report_cost(
            "haul `threads:50`",
            operation.title(),
            subject.processor_seconds() - before,
            moved,
            rate,
        );
    }
    let root = scratch.join("root");
    let nginx = Subject::nginx(&root, scratch)?;
    let moved = amount(5, 100 * MIB, 4);
    http_get(nginx.port, moved)?;
    let before = nginx.processor_seconds();
    let rate = http_get(nginx.port, moved)?;
    report_cost(
        "nginx, 2 workers, sendfile",
        "GET over HTTP",
        nginx.processor_seconds() - before,
        moved,
        rate,
    );
    let python = Subject::plain_python(&root)?;
    for operation in [Operation::ClassicDownload, Operation::ClassicUpload] {
        let moved = Amount {
            clients: 5,
            transfers: 1,
            volume_bytes: 100 * MIB,
            buffer_bytes: BUFFER_BYTES,
        };
        let before = python.processor_seconds();
        let rate = load::run(&address(python.port), operation, moved)?;
        report_cost(
            "plain Python",
            operation.title(),
            python.processor_seconds() - before,
            moved,
            rate,
        );
    }
    Ok(())
}

fn report_cost(server: &str, operation: &str, seconds: f64, moved: Amount, rate: f64) {
    let gibibytes = moved.total_bytes() as f64 / (1_u64 << 30) as f64;
    println!(
        "| {server} | {operation} | {:.2} | {:.2} |",
        seconds / gibibytes,
        rate / 1e9
    );
}

/// Plain HTTP/1.1 downloads of `volume`, for nginx: the same bytes, received and dropped.
fn http_get(port: u16, amount: Amount) -> Result<f64> {
    let started = Instant::now();
    thread::scope(|scope| {
        let client = || -> Result<()> {
            let mut buffer = vec![0; 256 * 1024];
            for _ in 0..amount.transfers {
                let mut stream = TcpStream::connect(("127.0.0.1", port))?;
                stream.write_all(b"GET /volume HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
                let mut received = 0;
                loop {
                    match stream.read(&mut buffer)? {
                        0 => break,
                        bytes => received += bytes as u64,
                    }
                }
                anyhow::ensure!(received > amount.volume_bytes, "nginx sent {received} bytes");
            }
            Ok(())
        };
        let clients: Vec<_> = (0..amount.clients).map(|_| scope.spawn(client)).collect();
        clients
            .into_iter()
            .try_for_each(|client| client.join().expect("a client does not panic"))
    })?;
    Ok(amount.total_bytes() as f64 / started.elapsed().as_secs_f64())
}

fn memory(scratch: &Path) -> Result<()> {
    println!("\n| pool | volume | peak memory, 50 uploads | then 50 downloads |\n|---|---|---|---|");
    // Fifty files of 1 GiB do not fit in this machine's memory.
    let disk = tempfile::tempdir()?;
    for (pool, volume_bytes) in [
        ("threads:50", 100 * MIB),
        ("tasks", 100 * MIB),
        ("processes:50", 100 * MIB),
        ("threads:50", 1024 * MIB),
        ("tasks", 1024 * MIB),
        ("processes:50", 1024 * MIB),
    ] {
        let is_large = volume_bytes > 100 * MIB;
        let folder = if is_large { disk.path() } else { scratch };
        let subject = served(folder, pool, volume_bytes)?;
        let moved = Amount {
            clients: 50,
            transfers: 1,
            volume_bytes,
            buffer_bytes: BUFFER_BYTES,
        };
        let peaks = [Operation::ClassicUpload, Operation::ClassicDownload]
            .map(|operation| peak_memory(&subject, || load::run(&address(subject.port), operation, moved)));
        let [uploads, downloads] = peaks;
        let mib = |bytes: u64| bytes as f64 / MIB as f64;
        println!(
            "| {pool} | {} MiB | {:.0} MiB | {:.0} MiB |",
            volume_bytes / MIB,
            mib(uploads?),
            mib(downloads?)
        );
    }
    idle_connections(scratch)
}

fn peak_memory(subject: &Subject, work: impl FnOnce() -> Result<f64>) -> Result<u64> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = 0;
            while !done.load(Ordering::Relaxed) {
                peak = subject.memory_bytes().max(peak);
                thread::sleep(Duration::from_millis(50));
            }
            peak
        });
        let worked = work();
        done.store(true, Ordering::Relaxed);
        let peak = watch.join().expect("watching does not panic");
        worked.map(|_| peak)
    })
}

fn idle_connections(scratch: &Path) -> Result<()> {
    let subject = served(scratch, "tasks", MIB)?;
    let mut idle = Vec::new();
    for _ in 0..4000 {
        let mut connection = Connection::open_with(
            &address(subject.port),
            &Options::default(),
            Buffers::new(16 * 1024),
        )?;
        connection.hello()?;
        idle.push(connection);
    }
    println!(
        "\n4,000 idle connections under `tasks`: {:.1} MiB",
        subject.memory_bytes() as f64 / MIB as f64
    );
    Ok(())
}

fn volume(scratch: &Path) -> Result<()> {
    println!("\n| volume | classic download | classic upload | READ | WRITE |\n|---|---|---|---|---|");
    for volume_bytes in [MIB, 16 * MIB, 256 * MIB, 1024 * MIB, 4096 * MIB] {
        let subject = served(scratch, "threads:5", volume_bytes)?;
        print!("| {} MiB |", volume_bytes / MIB);
        for operation in [
            Operation::ClassicDownload,
            Operation::ClassicUpload,
            Operation::Read,
            Operation::Write,
        ] {
            let mut seconds: Vec<f64> = Vec::new();
            for _ in 0..rounds() {
                let moved = Amount {
                    clients: 1,
                    transfers: 1,
                    volume_bytes,
                    buffer_bytes: BUFFER_BYTES,
                };
                seconds.push(volume_bytes as f64 / load::run_warm(&address(subject.port), operation, moved)?);
            }
            let median = median(&mut seconds);
            print!(
                " {:.4} s, {:.2} s/GiB |",
                median,
                median / (volume_bytes as f64 / (1_u64 << 30) as f64)
            );
        }
        println!();
    }
    Ok(())
}

fn list(scratch: &Path) -> Result<()> {
    println!("\n| files | LIST, first byte | whole reply | memory after it |\n|---|---|---|---|");
    for files in [1_000, 10_000, 100_000] {
        let subject = served(scratch, "threads:5", MIB)?;
        for number in 0..files {
            fs::write(scratch.join(format!("root/file number {number:06}.bin")), b"")?;
        }
        let mut connection = Connection::open_with(
            &address(subject.port),
            &Options::default(),
            Buffers::new(BUFFER_BYTES),
        )?;
        let (mut first, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..rounds() {
            first.push(seconds_to_first_byte_of_list(subject.port)?);
            let started = Instant::now();
            anyhow::ensure!(
                connection.list()?.len() == files + 1,
                "files are missing from the list"
            );
            whole.push(started.elapsed().as_secs_f64());
        }
        let memory = subject.memory_bytes() as f64 / MIB as f64;
        println!(
            "| {files} | {:.1} ms | {:.1} ms | {memory:.1} MiB |",
            median(&mut first) * 1e3,
            median(&mut whole) * 1e3
        );
    }
    Ok(())
}

/// On a connection of its own, which is there before the clock runs and is read to its end after.
fn seconds_to_first_byte_of_list(port: u16) -> Result<f64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let started = Instant::now();
    stream.write_all(b"LIST\r\n")?;
    stream.read_exact(&mut [0])?;
    let seconds = started.elapsed().as_secs_f64();
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut stream, &mut io::sink())?;
    Ok(seconds)
}

/// What `--buffer` and the client's buffer do: GB/s with 1 and with 5 clients.
fn buffers(scratch: &Path) -> Result<()> {
    println!(
        "\n| GB/s of content, 1 client / 5 clients; buffers of server, client | {} |",
        OPERATIONS.map(Operation::title).join(" | ")
    );
    println!("|---|---|---|---|---|---|");
    const SIZES: [(u32, u32); 6] = [
        (64, 256),
        (96, 256),
        (128, 128),
        (128, 256),
        (192, 256),
        (256, 256),
    ];
    let mut cells = vec![[const { [const { Vec::new() }; 2] }; OPERATIONS.len()]; SIZES.len()];
    for _ in 0..rounds() {
        for ((server, client), row) in SIZES.into_iter().zip(&mut cells) {
            let flags = ["--buffer".to_owned(), format!("{server}KiB")];
            let subject = served_with(scratch, "threads:50", 100 * MIB, &flags)?;
            for (operation, cell) in OPERATIONS.into_iter().zip(row) {
                for (clients, rates) in [1, 5].into_iter().zip(cell) {
                    let buffer_bytes = client as usize * 1024;
                    let moved = Amount {
                        buffer_bytes,
                        ..amount(clients, 100 * MIB, 3)
                    };
                    rates.push(load::run_warm(&address(subject.port), operation, moved)?);
                }
            }
        }
    }
    for ((server, client), row) in SIZES.into_iter().zip(&mut cells) {
        print!("| {server} KiB, {client} KiB |");
        for cell in row {
            let [one, five] = cell.each_mut().map(|rates| median(rates) / 1e9);
            print!(" {one:.2} / {five:.2} |");
        }
        println!();
    }
    Ok(())
}
