//! `haul stats`: the server's ledger as a table.

use std::{collections::BTreeSet, time::Duration};

use comfy_table::{CellAlignment, Table, presets};
use haul_client::{AddressError, Location, Stats, VerbStats, WorkerStats, shown};
use indicatif::HumanBytes;

use super::{Globals, Outcome, console::Console};

/// What can be typed after `haul stats`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server, as haul://HOST:PORT, if it is not that of --server
    #[arg(value_name = "URL")]
    server: Option<String>,
}

/// Runs `haul stats`.
pub(crate) fn run(args: Args, globals: &Globals) -> Outcome {
    let console = Console::new("stats", globals);
    let address = match args.server.as_deref().map(str::parse::<Location>).transpose() {
        Ok(location) => location.map_or_else(|| globals.server.clone(), |location| location.address),
        Err(error) => {
            let error: AddressError = error;
            return console.usage(&args.server.unwrap_or_default(), &error.to_string());
        }
    };
    match globals.client(&address).stats(&mut ()) {
        Ok(stats) if globals.json => console.print_json(&stats),
        Ok(stats) => console.print(&text(&stats)),
        Err(error) => console.failed(&address.to_string(), &error),
    }
}

/// A line about the pool, and a table with one row for each worker and one for all of them.
fn text(stats: &Stats) -> String {
    let verbs: BTreeSet<&str> = stats
        .workers
        .iter()
        .flat_map(|worker| worker.verbs.keys().map(String::as_str))
        .collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let fixed = [
        "worker",
        "pid",
        "state",
        "connections",
        "open",
        "restarts",
        "in",
        "out",
    ];
    table.set_header(
        fixed
            .iter()
            .map(|&title| title.to_owned())
            .chain(verbs.iter().map(|verb| shown(verb).to_string())),
    );
    for worker in &stats.workers {
        table.add_row(row(worker, &verbs));
    }
    if stats.workers.len() > 1 {
        table.add_row(total(&stats.workers, &verbs));
    }
    for column in table
        .column_iter_mut()
        .filter(|column| column.index != STATE_COLUMN)
    {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let up = Duration::from_secs(
        Duration::try_from_secs_f64(stats.uptime_seconds)
            .unwrap_or_default()
            .as_secs(),
    );
    format!(
        "{}, up for {}\n{table}",
        shown(&stats.pool),
        humantime::format_duration(up)
    )
}

/// The column of words; all others are numbers.
const STATE_COLUMN: usize = 2;

fn row(worker: &WorkerStats, verbs: &BTreeSet<&str>) -> Vec<String> {
    let mut cells = vec![
        worker.worker.to_string(),
        worker.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
        shown(&worker.state).to_string(),
        worker.connections.to_string(),
        worker.open.to_string(),
        worker.restarts.to_string(),
        HumanBytes(worker.bytes_in).to_string(),
        HumanBytes(worker.bytes_out).to_string(),
    ];
    cells.extend(
        verbs
            .iter()
            .map(|&verb| requests(worker.verbs.get(verb).into_iter())),
    );
    cells
}

fn total(workers: &[WorkerStats], verbs: &BTreeSet<&str>) -> Vec<String> {
    let sum = |count: fn(&WorkerStats) -> u64| workers.iter().map(count).fold(0, u64::saturating_add);
    let mut cells = vec![
        "all".to_owned(),
        String::new(),
        String::new(),
        sum(|worker| worker.connections).to_string(),
        sum(|worker| worker.open).to_string(),
        sum(|worker| worker.restarts).to_string(),
        HumanBytes(sum(|worker| worker.bytes_in)).to_string(),
        HumanBytes(sum(|worker| worker.bytes_out)).to_string(),
    ];
    cells.extend(
        verbs
            .iter()
            .map(|&verb| requests(workers.iter().filter_map(|worker| worker.verbs.get(verb)))),
    );
    cells
}

/// Requests of one verb: how many went well and, if there were any, how many did not.
fn requests<'a>(counts: impl Iterator<Item = &'a VerbStats>) -> String {
    let (ok, failed) = counts.fold((0_u64, 0_u64), |(ok, failed), count| {
        (ok.saturating_add(count.ok), failed.saturating_add(count.failed))
    });
    match failed {
        0 => ok.to_string(),
        failed => format!("{ok} ({failed} failed)"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_ledger_is_a_row_for_each_worker_and_one_for_all() {
        let worker = |number, ok, failed| WorkerStats {
            worker: number,
            state: "idle".to_owned(),
            connections: 2,
            open: 1,
            verbs: BTreeMap::from([("read".to_owned(), VerbStats { ok, failed })]),
            bytes_in: 0,
            bytes_out: 2048,
            restarts: 0,
            pid: None,
        };
        let stats = Stats {
            pool: "threads:2".to_owned(),
            uptime_seconds: 61.5,
            workers: vec![worker(0, 3, 0), worker(1, 4, 1)],
        };
        let text = text(&stats);
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(lines[0].join(" "), "threads:2, up for 1m 1s");
        assert_eq!(lines[1].last(), Some(&"read"));
        assert_eq!(lines[2].last(), Some(&"3"));
        assert_eq!(lines[4].join(" "), "all 4 2 0 0 B 4.00 KiB 7 (1 failed)");
    }
}
