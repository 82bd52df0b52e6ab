//! Two runs side by side, as text.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use haul_results::{CellComparison, Change, Comparison, Ratio};
use haul_types::MIB;

use crate::formats::terminal::push_wrapped;
use crate::words::Wording;

/// The narrowest table.
const WIDTH_MIN: u16 = 60;

/// Which cells of a comparison are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ComparedCells {
    /// Those that are faster or slower, and those on which nothing can be said.
    #[default]
    Notable,
    /// All.
    All,
}

pub(crate) fn text(
    comparison: &Comparison,
    names: [&str; 2],
    words: &Wording,
    shown: ComparedCells,
    width: u16,
) -> String {
    let width = width.max(WIDTH_MIN);
    let mut text = String::new();
    let mut paragraph = |line: &str| push_wrapped(&mut text, line, width);
    paragraph(&format!("A: {}", names[0]));
    paragraph(&format!("B: {}", names[1]));
    for difference in &comparison.differences {
        paragraph(&format!("! {}: {difference}", words.comparison.not_comparable));
    }
    paragraph("");
    paragraph(&sentence(comparison, words));
    let [rate, floor] =
        [comparison.method.false_discovery, comparison.method.floor].map(|share| words.percent(share));
    paragraph(&(words.comparison.method)(&rate, &floor));
    let is_listed =
        |cell: &&CellComparison| shown == ComparedCells::All || cell.change != Change::WithinNoise;
    let listed: Vec<&CellComparison> = comparison.cells.iter().filter(is_listed).collect();
    if !listed.is_empty() {
        text += &format!("\n{}\n", table(&listed, words, width));
    }
    text
}

fn sentence(comparison: &Comparison, words: &Wording) -> String {
    let cells = &comparison.cells;
    let count = |change| cells.iter().filter(|cell| cell.change == change).count();
    let changes = [Change::Faster, Change::Slower, Change::WithinNoise];
    let [faster, slower, noise] = changes.map(count);
    let unjudged = cells.len() - faster - slower - noise;
    let counts = (words.comparison.counts)(faster, slower, noise, unjudged);
    let Some(ratio) = &comparison.overall else {
        return counts;
    };
    let [middle, low, high] = [ratio.ratio, ratio.low, ratio.high].map(|value| words.fixed(value, 3));
    let range = (words.nouns.range)(&low, &high);
    let change = (words.comparison.change)(comparison.overall_change);
    format!(
        "{counts} {}: {middle} ({range}) ({change}).",
        words.comparison.overall
    )
}

fn table(cells: &[&CellComparison], words: &Wording, width: u16) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    table.set_header(words.comparison.headings);
    for CellComparison {
        cell,
        before_bytes_per_s,
        after_bytes_per_s,
        ratio,
        change,
        ..
    } in cells
    {
        let missing = || "–".to_owned();
        let rate = |rate: &Option<f64>| rate.map_or_else(missing, |rate| words.number(rate / MIB as f64));
        let fixed = |of: fn(&Ratio) -> f64| ratio.as_ref().map(|ratio| words.fixed(of(ratio), 3));
        let ends = fixed(|ratio| ratio.low).zip(fixed(|ratio| ratio.high));
        table.add_row([
            (words.nouns.operation)(cell.operation).to_owned(),
            format!("{:#}", cell.volume),
            cell.clients.to_string(),
            cell.pool.to_string(),
            cell.client_pool.to_string(),
            rate(before_bytes_per_s),
            rate(after_bytes_per_s),
            fixed(|ratio| ratio.ratio).unwrap_or_else(missing),
            ends.map_or_else(missing, |(low, high)| format!("{low}–{high}")),
            (words.comparison.change)(*change).to_owned(),
        ]);
    }
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if matches!(number, 1 | 2 | 5..=8) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
