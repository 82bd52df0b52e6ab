//! What every part of a report looks at: the analysis of a run in one language, and which factors vary at all.

use std::collections::HashSet;
use std::hash::Hash;

use haul_results::{Analysis, Cell, CellSummary, Factor, Row};

use crate::words::Wording;

/// The analysis of a run, shown in one language.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) analysis: &'a Analysis<'a>,
    pub(crate) words: &'static Wording,
}

impl<'a> View<'a> {
    pub(crate) fn rows(&self) -> impl Iterator<Item = &'a Row> {
        self.analysis.rows.iter()
    }

    pub(crate) fn summaries(&self) -> impl Iterator<Item = &'a CellSummary> {
        self.analysis.summaries()
    }

    fn cells(&self) -> impl Iterator<Item = &'a Cell> {
        self.summaries().map(|summary| &summary.cell)
    }

    /// For each cell its throughput over the baseline's, where both are known.
    pub(crate) fn ratios(&self) -> impl Iterator<Item = f64> {
        self.rows().filter_map(ratio)
    }

    /// Whether the run has more than one level of the factor.
    pub(crate) fn varies(&self, factor: Factor) -> bool {
        let cells = self.cells();
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
        let nouns = &self.words.nouns;
        let part = |factor: &Factor| match factor {
            Factor::Operations => Some((nouns.operation)(cell.operation).to_owned()),
            Factor::Volumes => Some(format!("{:#}", cell.volume)),
            factor if !self.varies(*factor) => None,
            Factor::Pools => Some(format!("server {}", cell.pool.family())),
            Factor::ClientPools => Some(format!("{} {}", self.words.charts.clients, cell.client_pool)),
            Factor::Buffers => Some(format!("buffer {:#}", cell.buffer)),
            Factor::Dialects => Some(cell.dialect.to_string()),
            Factor::Clients => Some((nouns.clients)(cell.clients.into())),
            Factor::Workers => Some((nouns.workers)(cell.pool.workers.into())),
        };
        let parts: Vec<String> = factors.iter().filter_map(part).collect();
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

    /// The rows in groups with the same `key`, in the order of the exercise: by operation and volume first.
    pub(crate) fn groups<K: PartialEq>(&self, key: impl Fn(&Cell) -> K) -> Vec<Vec<&'a Row>> {
        let mut order: Vec<&Row> = self.rows().collect();
        order.sort_by_key(|row| (row.summary.cell.operation, row.summary.cell.volume));
        let mut groups: Vec<(K, Vec<&Row>)> = Vec::new();
        for row in order {
            let own = key(&row.summary.cell);
            match groups.iter_mut().find(|(key, _)| *key == own) {
                Some((_, group)) => group.push(row),
                None => groups.push((own, vec![row])),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// All numbers of clients, rising.
    pub(crate) fn clients(&self) -> Vec<u32> {
        sorted(self.cells().map(|cell| cell.clients))
    }

    /// All numbers of workers, rising.
    pub(crate) fn workers(&self) -> Vec<u32> {
        sorted(self.cells().map(|cell| cell.pool.workers))
    }
}

/// A cell's throughput over the baseline's.
pub(crate) fn ratio(row: &Row) -> Option<f64> {
    row.against.and_then(|against| against.ratio)
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
    haul_results::median(&values.filter(|value| value.is_finite()).collect::<Vec<_>>())
}
