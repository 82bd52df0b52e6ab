//! What was run, where and with what, fact by fact.

use haul_results::{Ceiling, CeilingKind, CellSummary, Machine, Run, Scratch, StatedDurability, SubjectKind};

use crate::labels::operation;
use crate::lang::Lang;
use crate::view::{View, distinct, names};

/// A name and what it is.
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Every fact, in the order of the report.
pub(crate) fn configuration(view: &View<'_>) -> Vec<Fact> {
    let (run, lang) = (view.analysis.run, view.lang);
    let header = &run.header;
    let mut facts = Vec::new();
    let mut fact = |name: (&str, &str), value: String| {
        facts.push(Fact {
            name: lang.pick(name.0, name.1).to_owned(),
            value,
        });
    };
    fact(("Server under test", "Server yang diuji"), subject(run, lang));
    fact(
        ("Durability", "Ketahanan data"),
        durability(header.subject.durability, lang).to_owned(),
    );
    fact(("Matrix", "Matriks"), matrix(view));
    fact(("Machine", "Mesin"), machine(&header.machine, lang));
    fact(
        ("Scratch space", "Ruang kerja"),
        scratch(&header.machine.scratch, lang),
    );
    for binary in &header.binaries {
        let version = binary.version.as_deref().unwrap_or("?");
        let digest = binary.digest.as_deref().map_or_else(String::new, |digest| {
            let short: String = digest.chars().take(16).collect();
            format!(", BLAKE3 {short}…")
        });
        fact(
            ("Program", "Program"),
            format!("{} {version}{digest}", binary.name),
        );
    }
    fact(("Seed", "Benih acak"), header.seed.to_string());
    fact(("Time", "Waktu"), span(run, lang));
    if let Some([one, five, fifteen]) = header.load_before {
        let load = [one, five, fifteen].map(|load| lang.fixed(load, 2)).join(" · ");
        fact(
            ("Load before", "Beban sebelum uji"),
            format!("{load} (1, 5, 15 min)"),
        );
    }
    if !run.ceilings.is_empty() {
        fact(
            ("Ceilings of the machine", "Batas mesin"),
            ceilings(&run.ceilings, lang),
        );
    }
    fact(("Verification", "Verifikasi"), verification(view));
    if let Some(baseline) = view.analysis.baseline {
        fact(("Baseline", "Baseline"), baseline.name.clone());
    }
    facts
}

fn machine(machine: &Machine, lang: Lang) -> String {
    let cores = lang.count(machine.cores.into(), "core", "cores", "inti");
    let memory = format!(
        "{} GiB {}",
        lang.number(machine.memory.as_gib()),
        lang.pick("of memory", "memori")
    );
    format!("{}, {cores}, {memory}, {}", machine.processor, machine.kernel)
}

fn scratch(scratch: &Scratch, lang: Lang) -> String {
    let place = if scratch.in_memory {
        lang.pick("in memory", "di memori")
    } else {
        lang.pick(
            "on a disk: uploads also measure the kernel's write-back",
            "di disk: unggahan juga mengukur penulisan kernel",
        )
    };
    format!("{} ({}, {place})", scratch.folder, scratch.file_system)
}

/// How many transfers were compared byte by byte, and what that cost.
fn verification(view: &View<'_>) -> String {
    let lang = view.lang;
    let sum = |of: fn(&CellSummary) -> u32| -> u64 { view.summaries().map(|cell| u64::from(of(cell))).sum() };
    let (verified, ok) = (sum(CellSummary::verified), sum(CellSummary::clients_ok));
    let check_s: f64 = view
        .analysis
        .run
        .trials
        .iter()
        .map(|trial| trial.check_ns as f64 / 1e9)
        .sum();
    let check_s = lang.number(check_s);
    match lang {
        Lang::En => format!(
            "{verified} of {ok} complete transfers compared byte by byte, in {check_s} s: downloads as they arrive \
             (within the client's time), uploads after the timed part"
        ),
        Lang::Id => format!(
            "{verified} dari {ok} transfer lengkap dibandingkan byte demi byte dalam {check_s} s: download saat diterima, \
             upload setelah waktu ukur"
        ),
    }
}

fn subject(run: &Run, lang: Lang) -> String {
    let subject = &run.header.subject;
    let kind = match subject.kind {
        SubjectKind::Own => lang.pick("started by the lab", "dijalankan oleh lab"),
        SubjectKind::Command => lang.pick(
            "another server, started by the lab",
            "server lain, dijalankan oleh lab",
        ),
        SubjectKind::Target => lang.pick("a server that was running already", "server yang sudah berjalan"),
    };
    match &subject.name {
        Some(name) => format!("{name}, {kind}: {}", subject.command),
        None => format!("{} ({kind})", subject.command),
    }
}

fn durability(durability: StatedDurability, lang: Lang) -> &'static str {
    match durability {
        StatedDurability::Synced => lang.pick(
            "an upload counts as stored when it is on the disk",
            "unggahan dianggap tersimpan setelah ada di disk",
        ),
        StatedDurability::Buffered => lang.pick(
            "an upload counts as stored when the system has it",
            "unggahan dianggap tersimpan setelah diterima sistem",
        ),
        StatedDurability::Unknown => lang.pick(
            "the server does not say when an upload is stored",
            "server tidak menyatakan kapan unggahan tersimpan",
        ),
    }
}

fn matrix(view: &View<'_>) -> String {
    let lang = view.lang;
    let cells = || view.summaries().map(|summary| &summary.cell);
    let list = |name: (&str, &str), levels: Vec<String>| {
        format!("{} {}", lang.pick(name.0, name.1), levels.join(", "))
    };
    let volumes: Vec<String> = distinct(cells().map(|cell| cell.volume))
        .iter()
        .map(|volume| format!("{volume:#}"))
        .collect();
    let buffers: Vec<String> = distinct(cells().map(|cell| cell.buffer))
        .iter()
        .map(|buffer| format!("{buffer:#}"))
        .collect();
    let operations = distinct(cells().map(|cell| cell.operation));
    let operations = operations
        .iter()
        .map(|one| operation(*one, lang).to_owned())
        .collect();
    let parts = [
        list(("operations", "operasi"), operations),
        list(("volumes", "volume"), volumes),
        list(("clients", "client"), names(&view.clients())),
        list(("server workers", "server worker"), names(&view.workers())),
        list(
            ("server pools", "pool server"),
            distinct(cells().map(|cell| cell.pool.family())),
        ),
        list(
            ("client pools", "pool client"),
            names(&distinct(cells().map(|cell| cell.client_pool))),
        ),
        list(("buffers", "buffer"), buffers),
        list(
            ("dialects", "dialect"),
            names(&distinct(cells().map(|cell| cell.dialect))),
        ),
    ];
    parts.join(" × ")
}

fn span(run: &Run, lang: Lang) -> String {
    let started = run.header.started;
    let from = started.strftime("%Y-%m-%d %H:%M:%S UTC");
    let Some(end) = &run.end else {
        return format!("{from} – {}", lang.pick("not ended", "belum selesai"));
    };
    let to = end.at.strftime("%Y-%m-%d %H:%M:%S UTC");
    let minutes = end.at.duration_since(started).as_secs_f64() / 60.0;
    let mut text = format!("{from} – {to} ({} min)", lang.number(minutes));
    if end.interrupted {
        text.push_str(lang.pick(", interrupted", ", terputus"));
    }
    if !run.resumed.is_empty() {
        let times = run.resumed.len();
        text.push_str(&match lang {
            Lang::En if times == 1 => ", resumed once".to_owned(),
            Lang::En => format!(", resumed {times} times"),
            Lang::Id => format!(", dilanjutkan {times} kali"),
        });
    }
    text
}

fn ceilings(ceilings: &[Ceiling], lang: Lang) -> String {
    let text = |ceiling: &Ceiling| {
        let name = ceiling_name(ceiling.kind, lang);
        let highest = ceiling.bytes_per_s.iter().copied().fold(0.0, f64::max);
        format!("{name} {} MiB/s", lang.number(highest / haul_types::MIB as f64))
    };
    ceilings.iter().map(text).collect::<Vec<_>>().join(" · ")
}

fn ceiling_name(kind: CeilingKind, lang: Lang) -> String {
    match kind {
        CeilingKind::Tcp { streams } => format!("TCP × {streams}"),
        CeilingKind::Base64Encode => lang.pick("base64 encoding", "enkode base64").to_owned(),
        CeilingKind::Base64Decode => lang.pick("base64 decoding", "dekode base64").to_owned(),
        CeilingKind::MemoryCopy => lang.pick("memory copy", "salin memori").to_owned(),
        CeilingKind::FileBuffered => lang.pick("file write", "tulis berkas").to_owned(),
        CeilingKind::FileSynced => lang
            .pick("file write, synced", "tulis berkas, sampai ke disk")
            .to_owned(),
    }
}
