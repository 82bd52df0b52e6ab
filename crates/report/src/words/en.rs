//! English.

use haul_results::scaling::{LEVELS_MIN, NoCurve, REPEATS_MIN};
use haul_results::{
    CeilingKind, Change, FaultKind, Grade, Operation, Problem, Recommendation, StatedDurability, SubjectKind,
    Unjudged, Verdict,
};

use super::{
    CellWords, ChartWords, Columns, ComparisonWords, DrawingWords, FactWords, Headings, Nouns, Texts,
    VerdictWords, Wording,
};

pub(crate) const WORDS: Wording = Wording {
    code: "en",
    decimal_sign: '.',
    nouns: Nouns {
        cells: |count| counted(count, "cell", "cells"),
        repetitions: |count| counted(count, "repetition", "repetitions"),
        cores: |count| counted(count, "core", "cores"),
        clients: |count| counted(count, "client", "clients"),
        workers: |count| counted(count, "worker", "workers"),
        server_workers: |count| counted(count, "server worker", "server workers"),
        operation: Operation::as_str,
        range: |low, high| format!("{low} to {high}"),
    },
    headings: Headings {
        title: "Stress test of a file server",
        verdict: "Verdict",
        banner: "What is wrong with this run",
        configuration: "Configuration",
        architecture: "What was tested, and what is timed",
        charts: "Charts",
        table: "All cells",
        columns: "What the columns mean",
        repeat: "How to repeat it",
        sheets: ["Results", "About"],
        page: "page",
    },
    texts: Texts {
        architecture: "All clients of a trial start together, at one barrier. A client's time runs from that moment until \
            its whole transfer is complete, so waiting for a free worker is part of it. The server is a process of its \
            own. Content is generated before the trial. Downloads are compared byte by byte as they arrive, within the \
            client's time; uploads are compared byte by byte after the timed part. Total throughput is all content over \
            the time until the last client is done, never a sum of the clients' rates.",
        repeat: "The same order of cells, from the same seed, on a quiet machine. Times differ from machine to machine; \
            ratios between cells are more stable. Every single transfer stands in results.json.",
        one_repetition: "One repetition: the numbers are single measurements, without an interval.",
        medians: |repeats, claimed| {
            format!(
                "Numbers are medians of {repeats} repetitions; with so many, an interval holds the true median {claimed} \
                 of the time."
            )
        },
    },
    facts: FactWords {
        subject: "Server under test",
        subject_kind,
        durability: "Durability",
        durability_kind,
        matrix: "Matrix",
        factors: [
            "operations",
            "volumes",
            "clients",
            "server workers",
            "server pools",
            "client pools",
            "buffers",
            "dialects",
        ],
        machine: "Machine",
        of_memory: "of memory",
        scratch: "Scratch space",
        in_memory: "in memory",
        on_disk: "on a disk: uploads also measure the kernel's write-back",
        program: "Program",
        seed: "Seed",
        time: "Time",
        not_ended: "not ended",
        interrupted: ", interrupted",
        resumed: |times| match times {
            1 => ", resumed once".to_owned(),
            _ => format!(", resumed {times} times"),
        },
        load: "Load before",
        ceilings: "Ceilings of the machine",
        ceiling,
        verification: "Verification",
        verified: |verified, ok, check_s| {
            format!(
                "{verified} of {ok} complete transfers compared byte by byte, in {check_s} s: downloads as they arrive \
                 (within the client's time), uploads after the timed part"
            )
        },
        baseline: "Baseline",
    },
    verdict: VerdictWords {
        outcome,
        advice,
        confidence: |repeats, share| {
            format!(
                "Confidence: {repeats} repetitions; an interval holds the true median {share} of the time"
            )
        },
        confidence_unknown: "Confidence: unknown, some cells have fewer than two valid repetitions",
        within: |error| format!(", in the median cell within ±{error}"),
        reaches: |share| format!(". The recommended pool reaches {share} of the fastest"),
        moved: |gib, transfers| format!("{gib} GiB of content moved in {transfers} transfers"),
        fastest: "Fastest cell",
        slowest: "Slowest cell",
        failures: "Failures by class",
        limited_by_client: |limited, cells| {
            format!("{limited} of {cells} cells are limited by the client: there the server could do more")
        },
        against_baseline: |ratio| format!("Against the baseline: {ratio} times as fast in the median cell"),
        crossed: "Crossed",
        peak: |peak, low, high| format!("its peak lies at {peak} ({low} – {high})"),
        no_curve,
    },
    cells: CellWords {
        incomplete: |missing, planned| {
            format!("The run is not complete: {missing} of {planned} trials are missing.")
        },
        cell: "Cell",
        further: |cells| format!("… and {cells} further cells: see the remarks in the table."),
        invalid: "invalid",
        failed_of: |failed, of, classes| format!("{failed} of {of} transfers failed ({classes})"),
        share_of_ceiling: |share| format!("{share} of its ceiling was measured, an error of the lab"),
        problem,
        not_measured: "not measured",
        only_repetitions: |trials| format!("only {}", counted(trials.into(), "repetition", "repetitions")),
        invalid_trials: |trials, of, reason| format!("INVALID, {trials} of {of} trials: {reason}"),
        failed: "failed",
        unverified: |transfers| format!("{transfers} transfers not verified"),
        above_ceiling: "above its ceiling: an error of the lab",
        limited_by_client: "limited by the client",
        scattered: "scattered: more than ±10%",
        took_part: |part, of| format!("only {part} of {of} workers took part"),
        not_reported: "not reported",
    },
    columns: Columns {
        translations: &[],
        interval_ends: ["Time, lower end (s)", "Time, upper end (s)"],
    },
    drawing: DrawingWords {
        clients: "Clients",
        start: "start together",
        queue: "Queue",
        queue_rule: "in the order of arrival; none is refused",
        workers: "Server workers",
        store: "Store",
        read_and_written: "files read (download), files written (upload)",
        read: "files read",
        written: "files written",
        timed: "timed",
        phases: ["1 connect", "2 wait in line", "3 transfer"],
    },
    charts: ChartWords {
        clients: "clients",
        server_workers: "server workers",
        clients_and_workers: "clients · workers",
        largest_volume: |volume| format!("Shown for the largest volume, {volume}."),
        left_out: |panels| format!("{panels} further panels are left out here; the table has all cells."),
        throughput: |rate, cell| format!("Total throughput is highest at {rate} MiB/s: {cell}"),
        throughput_reading: "Each square is one cell of the matrix: clients across, server workers up, the number is MiB/s \
            of all clients together. Brighter is faster, on one scale for all panels. A dash: nothing valid was measured.",
        throughput_scale: "Total throughput (MiB/s)",
        time_even: "All clients of a trial are done at about the same time",
        time_spread: |clients, workers, ratio| {
            format!("With {clients} and {workers}, the last client takes {ratio} times as long as the first")
        },
        time_reading: "Each small dot is one client of one trial, the fastest at the left of its group, so that waiting in \
            line shows as a staircase. Large dots: the median client. The time axis is logarithmic.",
        time_axis: "time (s)",
        scaling: |least, most, noun, range| {
            format!("From {least} to {most} {noun}, total throughput becomes {range} times as high")
        },
        scaling_reading: "Total throughput with the interval of each estimate as a band. The dashed line loses nothing: \
            twice as many, twice as much, from the first point of the last line on.",
        scaling_axis: "total (MiB/s)",
        curve: "fitted curve (Universal Scalability Law)",
        ideal: "ideal",
        memory_of_server: |mib| format!("The server never needs more than {mib} MiB of memory"),
        memory_of_clients: |mib| format!("The clients never need more than {mib} MiB of memory"),
        memory_reading: "Peak memory of all processes of a side (proportional set size), the highest over all volumes and \
            repetitions. A line that rises with the clients means that each of them costs memory.",
        memory_axis: "peak memory (MiB)",
        cpu: |low, high| format!("A GiB costs the server {low} to {high} seconds of processor time"),
        cpu_of_clients: "Processor time of the clients for each GiB",
        cpu_reading: "Median over all cells of a pool, both sides beside each other. User time is the program's own work, \
            system time the kernel's, mostly copying through the network.",
        cpu_axis: "processor time (s/GiB)",
        cpu_parts: ["user (program)", "system (kernel)"],
        phases: |clients, workers, share| {
            format!("With {clients} and {workers}, {share} of a client's time is waiting")
        },
        phases_reading: "One bar for each number of clients and server workers, from the common start (0%) to the end \
            (100%); the median client's time stands behind it. Waiting is mostly the server's queue: more workers than \
            clients remove it.",
        phases_axis: "share of a client's time (%)",
        phases_parts: ["connect", "wait for the first byte", "transfer"],
        baseline: |middle, low, high| {
            format!(
                "In the median cell a client is {middle} times as fast as in the baseline ({low} to {high})"
            )
        },
        baseline_reading: "One dot for each cell, on a logarithmic axis. Right of the dashed line this run is faster, left \
            of it slower. A line without dots has no time in the baseline.",
        baseline_axis: "times as fast",
        this_run: "this run",
    },
    comparison: ComparisonWords {
        not_comparable: "Not comparable",
        counts: |faster, slower, noise, unjudged| {
            format!(
                "B is faster in {faster} cells, slower in {slower}, within noise in {noise}; {unjudged} cannot be judged."
            )
        },
        overall: "All cells together, B over A",
        method: |rate, floor| {
            format!(
                "Total throughput, B over A, with 95% intervals; corrected for the number of cells (Benjamini-Hochberg, \
                 {rate}); differences below {floor} count as none."
            )
        },
        headings: [
            "Operation",
            "Volume",
            "Client",
            "Pool",
            "Client pool",
            "A (MiB/s)",
            "B (MiB/s)",
            "B/A",
            "Interval",
            "Change",
        ],
        change,
    },
};

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn subject_kind(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Own => "started by the lab",
        SubjectKind::Command => "another server, started by the lab",
        SubjectKind::Target => "a server that was running already",
    }
}

fn durability_kind(durability: StatedDurability) -> &'static str {
    match durability {
        StatedDurability::Synced => "an upload counts as stored when it is on the disk",
        StatedDurability::Buffered => "an upload counts as stored when the system has it",
        StatedDurability::Unknown => "the server does not say when an upload is stored",
    }
}

fn ceiling(kind: CeilingKind) -> String {
    match kind {
        CeilingKind::Tcp { streams } => return format!("TCP × {streams}"),
        CeilingKind::Base64Encode => "base64 encoding",
        CeilingKind::Base64Decode => "base64 decoding",
        CeilingKind::MemoryCopy => "memory copy",
        CeilingKind::FileBuffered => "file write",
        CeilingKind::FileSynced => "file write, synced",
    }
    .to_owned()
}

fn outcome(verdict: &Verdict) -> String {
    let (cells, transfers, failed) = (verdict.cells, verdict.transfers(), verdict.transfers_failed());
    match verdict.grade {
        Grade::Ok if verdict.transfers_verified == transfers => {
            format!("All {cells} cells succeeded, and every byte of {transfers} transfers was verified")
        }
        Grade::Ok => format!("All {cells} cells succeeded, with {transfers} transfers"),
        Grade::Corrupt => format!(
            "Content was corrupted: {} of {transfers} transfers brought a wrong byte",
            verdict.transfers_corrupt()
        ),
        Grade::Invalid => format!(
            "The run is invalid in {} of {cells} cells",
            verdict.cells_invalid.len()
        ),
        Grade::Incomplete => format!(
            "The run is not complete: {} of {cells} cells lack trials",
            verdict.cells_incomplete.len()
        ),
        Grade::Failed => format!(
            "{failed} of {transfers} transfers failed, in {} of {cells} cells",
            verdict.cells_failed.len()
        ),
        Grade::Crossed => {
            let count = verdict.crossings.len() as u64;
            format!("{} crossed", counted(count, "threshold was", "thresholds were"))
        }
    }
}

fn advice(recommendation: &Recommendation) -> String {
    let (pool, best) = (recommendation.recommended.pool, recommendation.best);
    match recommendation.candidates.len() {
        1 => format!("{pool} is the only pool that was tested without a failure"),
        tested if pool == best => format!(
            "{pool} is the fastest among the {tested} pools tested, and no smaller one comes within 5% of it"
        ),
        tested => format!(
            "{pool} is enough, the smallest among the {tested} pools tested that is within 5% of the fastest ({best})"
        ),
    }
}

fn no_curve(why: &NoCurve) -> String {
    let why = match why {
        NoCurve::TooFewLevels { found } => format!("{found} levels were tested, a fit needs {LEVELS_MIN}"),
        NoCurve::TooFewRepeats { count, found } => {
            format!("{count} was tested {found} times, a fit needs {REPEATS_MIN}")
        }
        NoCurve::Invalid { count } => format!("the cell with {count} is invalid or has failed transfers"),
        NoCurve::Singular => "the measurements determine no curve".to_owned(),
        NoCurve::Alpha { alpha } => format!(
            "α would be {:.4} ({:.4} to {:.4}), and is only meaningful from 0 to below 1",
            alpha.value, alpha.low, alpha.high
        ),
        NoCurve::Beta { beta } => format!("β would be {beta:.6}, and cannot be negative"),
        NoCurve::NoPeak { beta } => format!(
            "no peak seen: β could be 0 (its interval is {:.6} to {:.6})",
            beta.low, beta.high
        ),
        NoCurve::PeakOutside { peak, least, most } => {
            format!("the peak would be at {peak:.0}, outside of what was tested ({least} to {most})")
        }
        NoCurve::RelativeError { count, error } => {
            format!("the curve misses the median at {count} by {:.0}%", error * 100.0)
        }
    };
    format!("No curve is drawn: {why}.")
}

fn problem(found: &Problem) -> String {
    match found {
        Problem::Fault(found) => fault(found.kind).to_owned(),
        Problem::Samples { clients, counted } => {
            format!("{counted} of {clients} clients left exactly one record")
        }
        Problem::Volume { transfers } => format!("{transfers} transfers moved another volume"),
        Problem::Times { transfers } => format!("{transfers} transfers have impossible times"),
        Problem::Requests {
            clients_ok,
            clients,
            server_ok,
            server,
        } => format!(
            "the counts differ: clients count {clients_ok} of {clients} requests as done, the server {server_ok} of {server}"
        ),
        Problem::Bytes { clients, server } => {
            format!("the counts differ: clients count {clients:#} of content, the server {server:#}")
        }
    }
}

fn fault(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::ServerNotStarted => "the server did not start",
        FaultKind::ServerDied => "the server ended in the middle",
        FaultKind::ClientsNotStarted => "clients could not be started",
        FaultKind::Unreadable => "a measurement could not be read",
        FaultKind::Interrupted => "interrupted in the middle",
    }
}

fn change(change: Change) -> &'static str {
    match change {
        Change::Faster => "faster",
        Change::Slower => "slower",
        Change::WithinNoise => "within noise",
        Change::Unjudged(Unjudged::Missing) => "not in both",
        Change::Unjudged(Unjudged::Invalid) => "invalid",
        Change::Unjudged(Unjudged::Failed) => "failed",
        Change::Unjudged(Unjudged::SingleTrial) => "one trial only",
    }
}
