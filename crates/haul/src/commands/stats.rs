//! `haul stats`: the server's ledger, its totals or all of it.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use haul_client::{Address, Stats, VerbStats, WorkerStats, printable};
use indicatif::HumanBytes;

use super::console::Console;
use super::record::Item;
use super::{CommandOutcome, RemoteOptions};

/// What can be typed after `haul stats`.
#[derive(Debug, clap::Args)]
pub(crate) struct StatsArgs {
    /// The server, as HOST:PORT or haul://HOST:PORT, if it is not that of --server
    #[arg(value_name = "ADDR", value_hint = clap::ValueHint::Url)]
    server: Option<String>,
    /// Show each worker and each verb too
    #[arg(short, long)]
    verbose: bool,
}

/// Runs `haul stats`.
pub(crate) fn run(args: StatsArgs, options: &RemoteOptions) -> CommandOutcome {
    let console = Console::new("stats", options);
    let address = match args.server.as_deref().map(str::parse::<Address>).transpose() {
        Ok(address) => address.unwrap_or_else(|| options.server.clone()),
        Err(error) => return console.usage(&args.server.unwrap_or_default(), &error.to_string()),
    };
    let subject = address.to_string();
    match options.client(&address).stats(&mut console.patience(&subject)) {
        Ok(stats) if options.json => console.print_json(&stats),
        Ok(stats) if args.verbose => console.print(&format!(
            "{}\n\n{}\n\n{}",
            totals(&stats),
            workers(&stats),
            verbs(&stats)
        )),
        Ok(stats) => console.print(&totals(&stats)),
        Err(error) => console.failed(&subject, Item::object(""), &error),
    }
}

/// What all workers have done together.
fn totals(stats: &Stats) -> String {
    let all = &stats.workers;
    let sum = |count: fn(&WorkerStats) -> u64| all.iter().map(count).fold(0, u64::saturating_add);
    let mut states: BTreeMap<&str, u64> = BTreeMap::new();
    for worker in all {
        *states.entry(worker.state.as_str()).or_default() += 1;
    }
    let states: Vec<String> = states
        .iter()
        .map(|(state, count)| format!("{count} {}", printable(state)))
        .collect();
    let (ok, failed) = requests(all.iter().flat_map(|worker| worker.verbs.values()));
    let up = Duration::try_from_secs_f64(stats.uptime_seconds).unwrap_or_default();
    [
        format!("pool         {}", printable(&stats.pool)),
        format!(
            "up for       {}",
            humantime::format_duration(Duration::from_secs(up.as_secs()))
        ),
        format!(
            "workers      {}, {} restarts",
            states.join(", "),
            sum(|worker| worker.restarts)
        ),
        format!(
            "connections  {} open, {} accepted",
            sum(|worker| worker.open),
            sum(|worker| worker.connections)
        ),
        format!("requests     {ok} ok, {failed} failed"),
        format!(
            "content      {} in, {} out",
            HumanBytes(sum(|worker| worker.bytes_in)),
            HumanBytes(sum(|worker| worker.bytes_out))
        ),
    ]
    .join("\n")
}

/// The column of words; all others are numbers.
const STATE_COLUMN: usize = 2;

/// A row for each worker.
fn workers(stats: &Stats) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "worker",
        "pid",
        "state",
        "connections",
        "open",
        "restarts",
        "in",
        "out",
    ]);
    for worker in &stats.workers {
        table.add_row([
            worker.worker.to_string(),
            worker.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            printable(&worker.state).to_string(),
            worker.connections.to_string(),
            worker.open.to_string(),
            worker.restarts.to_string(),
            HumanBytes(worker.bytes_in).to_string(),
            HumanBytes(worker.bytes_out).to_string(),
        ]);
    }
    for column in table
        .column_iter_mut()
        .filter(|column| column.index != STATE_COLUMN)
    {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// A row for each verb: requests of all workers.
fn verbs(stats: &Stats) -> String {
    let mut by_verb: BTreeMap<&str, Vec<&VerbStats>> = BTreeMap::new();
    for (verb, counts) in stats.workers.iter().flat_map(|worker| &worker.verbs) {
        by_verb.entry(verb.as_str()).or_default().push(counts);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["verb", "ok", "failed"]);
    for (verb, counts) in by_verb {
        let (ok, failed) = requests(counts.into_iter());
        table.add_row([printable(verb).to_string(), ok.to_string(), failed.to_string()]);
    }
    for column in table.column_iter_mut().filter(|column| column.index > 0) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// How many requests went well, and how many did not.
fn requests<'a>(counts: impl Iterator<Item = &'a VerbStats>) -> (u64, u64) {
    counts.fold((0_u64, 0_u64), |(ok, failed), count| {
        (ok.saturating_add(count.ok), failed.saturating_add(count.failed))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_are_a_few_lines_and_everything_fits_80_columns() {
        let worker = |number, ok, failed| WorkerStats {
            worker: number,
            state: "idle".to_owned(),
            connections: 2_000_000,
            open: 4096,
            verbs: BTreeMap::from([("read".to_owned(), VerbStats { ok, failed })]),
            bytes_in: 0,
            bytes_out: 1_098_437_885_952,
            restarts: 0,
            pid: Some(4_194_304),
        };
        let stats = Stats {
            pool: "threads:2".to_owned(),
            uptime_seconds: 61.5,
            workers: vec![worker(0, 3, 0), worker(1, 4, 1)],
        };
        let totals = totals(&stats);
        for part in [
            "threads:2",
            "1m 1s",
            "2 idle, 0 restarts",
            "8192 open, 4000000 accepted",
            "7 ok, 1 failed",
            "2.00 TiB out",
        ] {
            assert!(totals.contains(part), "{part}: {totals}");
        }
        let verbs = verbs(&stats);
        assert!(
            verbs
                .lines()
                .any(|line| line.split_whitespace().eq(["read", "7", "1"])),
            "{verbs}"
        );
        for text in [totals, verbs, workers(&stats)] {
            assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        }
    }
}
