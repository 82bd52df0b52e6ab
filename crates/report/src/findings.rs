//! What every part of a report looks at: the run, the summaries of its cells, and which factors vary at all.

use std::collections::HashSet;
use std::hash::Hash;

use haul_results::scale::{Fit, Refusal};
use haul_results::{Baseline, Cell, CellSummary, Factor, Remark, Row, Run, Trial};

use crate::lang::Lang;
use crate::scaling_law;
use crate::table::operation;

/// A run with what was computed from it once.
pub(crate) struct Findings<'a> {
    pub(crate) run: &'a Run,
    pub(crate) cells: Vec<CellSummary>,
    /// For each cell its throughput over the baseline's, where both are known; `None` without a baseline.
    pub(crate) ratios: Option<Vec<Option<f64>>>,
    /// What has to be known of each cell.
    pub(crate) remarks: Vec<Vec<Remark>>,
    /// The curve through a run that varies one factor, or why there is none; `None` for other runs.
    pub(crate) law: Option<Result<Fit, Refusal>>,
    pub(crate) lang: Lang,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(run: &'a Run, lang: Lang, baseline: Option<&Baseline>) -> Self {
        let rows = run.table(baseline);
        let ratio = |row: &Row| row.against.and_then(|against| against.ratio);
        let ratios = baseline.map(|_| rows.iter().map(ratio).collect());
        let (cells, remarks) = rows.into_iter().map(|row| (row.summary, row.remarks)).unzip();
        Self {
            run,
            cells,
            ratios,
            remarks,
            law: scaling_law::fit(run),
            lang,
        }
    }

    /// Whether the run has more than one level of the factor.
    pub(crate) fn varies(&self, factor: Factor) -> bool {
        let cells = self.cells.iter().map(|summary| &summary.cell);
        match factor {
            Factor::Operations => distinct(cells.map(|cell| cell.operation)).len() > 1,
            Factor::Volumes => distinct(cells.map(|cell| cell.volume)).len() > 1,
            Factor::Clients => distinct(cells.map(|cell| cell.clients)).len() > 1,
            Factor::Workers => distinct(cells.map(|cell| cell.pool.workers)).len() > 1,
            Factor::Pools => distinct(cells.map(|cell| cell.pool.family())).len() > 1,
            Factor::ClientPools => distinct(cells.map(|cell| cell.client_pool)).len() > 1,
            Factor::Buffers => distinct(cells.map(|cell| cell.buffer)).len() > 1,
            Factor::Dialects => distinct(cells.map(|cell| cell.dialect)).len() > 1,
        }
    }

    /// What a panel shows, by the levels of those of its factors that vary: `download 10 MiB · server threads`.
    pub(crate) fn name(&self, cell: &Cell, factors: &[Factor]) -> String {
        let lang = self.lang;
        let mut parts = Vec::new();
        let part = |factor: &Factor| match factor {
            Factor::Operations => Some(operation(cell.operation, lang).to_owned()),
            Factor::Volumes => Some(format!("{:#}", cell.volume)),
            factor if !self.varies(*factor) => None,
            Factor::Pools => Some(format!("server {}", cell.pool.family())),
            Factor::ClientPools => Some(match lang {
                Lang::En => format!("clients {}", cell.client_pool),
                Lang::Id => format!("client {}", cell.client_pool),
            }),
            Factor::Buffers => Some(format!("buffer {:#}", cell.buffer)),
            Factor::Dialects => Some(cell.dialect.to_string()),
            Factor::Clients => Some(lang.count(cell.clients.into(), "client", "clients", "client")),
            Factor::Workers => Some(lang.count(cell.pool.workers.into(), "worker", "workers", "worker")),
        };
        parts.extend(factors.iter().filter_map(part));
        parts.join(" · ")
    }

    /// What a single cell is called in a sentence.
    pub(crate) fn cell_name(&self, cell: &Cell) -> String {
        let factors = [
            Factor::Operations,
            Factor::Volumes,
            Factor::Clients,
            Factor::Workers,
            Factor::Pools,
            Factor::ClientPools,
        ];
        self.name(cell, &factors)
    }

    /// The trials of a cell that are valid.
    pub(crate) fn valid_trials(&self, cell: Cell) -> impl Iterator<Item = &'a Trial> {
        let run = self.run;
        run.trials
            .iter()
            .filter(move |trial| trial.cell == cell && trial.problems().is_empty())
    }

    /// The cells in groups with the same `key`, in the order of the exercise: by operation and volume first.
    pub(crate) fn groups<K: PartialEq>(&self, key: impl Fn(&Cell) -> K) -> Vec<Vec<&CellSummary>> {
        let mut order: Vec<&CellSummary> = self.cells.iter().collect();
        order.sort_by_key(|summary| (summary.cell.operation, summary.cell.volume));
        let mut groups: Vec<(K, Vec<&CellSummary>)> = Vec::new();
        for summary in order {
            let own = key(&summary.cell);
            match groups.iter_mut().find(|(key, _)| *key == own) {
                Some((_, group)) => group.push(summary),
                None => groups.push((own, vec![summary])),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// All numbers of clients, rising.
    pub(crate) fn clients(&self) -> Vec<u32> {
        sorted(self.cells.iter().map(|summary| summary.cell.clients))
    }

    /// All numbers of workers, rising.
    pub(crate) fn workers(&self) -> Vec<u32> {
        sorted(self.cells.iter().map(|summary| summary.cell.pool.workers))
    }
}

/// The distinct ones of `levels`, in the order in which they come.
pub(crate) fn distinct<T: Clone + Eq + Hash>(levels: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    levels.filter(|level| seen.insert(level.clone())).collect()
}

fn sorted(levels: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut levels = distinct(levels);
    levels.sort_unstable();
    levels
}

/// The place of a level among all of them.
pub(crate) fn place<T: PartialEq>(levels: &[T], level: &T) -> usize {
    levels
        .iter()
        .position(|other| other == level)
        .expect("the levels were taken from the same cells")
}

/// Levels as text.
pub(crate) fn names<T: ToString>(levels: &[T]) -> Vec<String> {
    levels.iter().map(ToString::to_string).collect()
}

/// The smallest and the largest of some values; `None` of none.
pub(crate) fn ends(values: &[f64]) -> Option<(f64, f64)> {
    let low = values.iter().copied().reduce(f64::min)?;
    let high = values.iter().copied().reduce(f64::max)?;
    Some((low, high))
}

/// The middle one of some values, those that are not finite left out; `None` of none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => values.get(middle).copied(),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}
