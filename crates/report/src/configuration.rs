//! What was run, where and with what, fact by fact.

use haul_results::{Binary, Ceiling, CellSummary, Machine, Run, Scratch};
use haul_types::MIB;

use crate::view::{View, distinct, names};
use crate::words::Wording;

/// A name and what it is.
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) value: String,
}

/// Every fact, in the order of the report.
pub(crate) fn configuration(view: &View<'_>) -> Vec<Fact> {
    let (run, words) = (view.analysis.run, view.words);
    let (header, own) = (&run.header, &words.facts);
    let fact = |name, value| Fact { name, value };
    let mut facts = vec![
        fact(own.subject, subject(run, words)),
        fact(
            own.durability,
            (own.durability_kind)(header.subject.durability).to_owned(),
        ),
        fact(own.matrix, matrix(view)),
        fact(own.machine, machine(&header.machine, words)),
        fact(own.scratch, scratch(&header.machine.scratch, words)),
    ];
    facts.extend(header.binaries.iter().map(|one| fact(own.program, binary(one))));
    facts.push(fact(own.seed, header.seed.to_string()));
    facts.push(fact(own.time, span(run, words)));
    if let Some(load) = header.load_before {
        let load = load.map(|load| words.fixed(load, 2)).join(" · ");
        facts.push(fact(own.load, format!("{load} (1, 5, 15 min)")));
    }
    if !run.ceilings.is_empty() {
        facts.push(fact(own.ceilings, ceilings(&run.ceilings, words)));
    }
    facts.push(fact(own.verification, verification(view)));
    let baseline = view.analysis.baseline;
    facts.extend(baseline.map(|baseline| fact(own.baseline, baseline.name.clone())));
    facts
}

fn binary(binary: &Binary) -> String {
    let version = binary.version.as_deref().unwrap_or("?");
    let digest = binary.digest.as_deref().map_or_else(String::new, |digest| {
        let short: String = digest.chars().take(16).collect();
        format!(", BLAKE3 {short}…")
    });
    format!("{} {version}{digest}", binary.name)
}

fn machine(machine: &Machine, words: &Wording) -> String {
    let cores = (words.nouns.cores)(machine.cores.into());
    let memory = words.number(machine.memory.as_gib());
    format!(
        "{}, {cores}, {memory} GiB {}, {}",
        machine.processor, words.facts.of_memory, machine.kernel
    )
}

fn scratch(scratch: &Scratch, words: &Wording) -> String {
    let place = if scratch.in_memory {
        words.facts.in_memory
    } else {
        words.facts.on_disk
    };
    format!("{} ({}, {place})", scratch.folder, scratch.file_system)
}

/// How many transfers were compared byte by byte, and what that cost.
fn verification(view: &View<'_>) -> String {
    let sum = |of: fn(&CellSummary) -> u32| -> u64 { view.summaries().map(|cell| u64::from(of(cell))).sum() };
    let (verified, ok) = (sum(CellSummary::verified), sum(CellSummary::clients_ok));
    let trials = view.analysis.run.trials.iter();
    let check_s: f64 = trials.map(|trial| trial.check_ns as f64 / 1e9).sum();
    (view.words.facts.verified)(verified, ok, &view.words.number(check_s))
}

fn subject(run: &Run, words: &Wording) -> String {
    let subject = &run.header.subject;
    let kind = (words.facts.subject_kind)(subject.kind);
    match &subject.name {
        Some(name) => format!("{name}, {kind}: {}", subject.command),
        None => format!("{} ({kind})", subject.command),
    }
}

fn matrix(view: &View<'_>) -> String {
    let cells = || view.summaries().map(|summary| &summary.cell);
    let operation = view.words.nouns.operation;
    let sizes = |bytes: &haul_results::ByteSize| format!("{bytes:#}");
    let levels: [Vec<String>; 8] = [
        names(&distinct(cells().map(|cell| operation(cell.operation)))),
        distinct(cells().map(|cell| cell.volume))
            .iter()
            .map(sizes)
            .collect(),
        names(&view.clients()),
        names(&view.workers()),
        distinct(cells().map(|cell| cell.pool.family())),
        names(&distinct(cells().map(|cell| cell.client_pool))),
        distinct(cells().map(|cell| cell.buffer))
            .iter()
            .map(sizes)
            .collect(),
        names(&distinct(cells().map(|cell| cell.dialect))),
    ];
    let parts = view.words.facts.factors.iter().zip(levels);
    let parts: Vec<String> = parts
        .map(|(factor, levels)| format!("{factor} {}", levels.join(", ")))
        .collect();
    parts.join(" × ")
}

fn span(run: &Run, words: &Wording) -> String {
    let started = run.header.started;
    let from = started.strftime("%Y-%m-%d %H:%M:%S UTC");
    let Some(end) = &run.end else {
        return format!("{from} – {}", words.facts.not_ended);
    };
    let to = end.at.strftime("%Y-%m-%d %H:%M:%S UTC");
    let minutes = end.at.duration_since(started).as_secs_f64() / 60.0;
    let mut text = format!("{from} – {to} ({} min)", words.number(minutes));
    if end.interrupted {
        text += words.facts.interrupted;
    }
    if !run.resumed.is_empty() {
        text += &(words.facts.resumed)(run.resumed.len());
    }
    text
}

fn ceilings(ceilings: &[Ceiling], words: &Wording) -> String {
    let text = |ceiling: &Ceiling| {
        let name = (words.facts.ceiling)(ceiling.kind);
        let highest = ceiling.bytes_per_s.iter().copied().fold(0.0, f64::max);
        format!("{name} {} MiB/s", words.number(highest / MIB as f64))
    };
    ceilings.iter().map(text).collect::<Vec<_>>().join(" · ")
}
