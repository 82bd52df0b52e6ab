//! Two runs side by side, as text.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use haul_results::{CellComparison, Change, Comparison, Ratio, Unjudged};
use haul_types::MIB;

use crate::formats::terminal::push_wrapped;
use crate::labels::operation;
use crate::lang::Lang;

/// The narrowest table.
const WIDTH_MIN: u16 = 60;

/// Which cells of a comparison are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shown {
    /// Those that are faster or slower, and those on which nothing can be said.
    #[default]
    Notable,
    /// All.
    All,
}

pub(crate) fn text(
    comparison: &Comparison,
    names: [&str; 2],
    lang: Lang,
    shown: Shown,
    width: u16,
) -> String {
    let width = width.max(WIDTH_MIN);
    let mut text = String::new();
    let mut paragraph = |line: &str| push_wrapped(&mut text, line, width);
    paragraph(&format!("A: {}", names[0]));
    paragraph(&format!("B: {}", names[1]));
    for difference in &comparison.differences {
        paragraph(&format!(
            "! {}: {difference}",
            lang.pick("Not comparable", "Tidak sebanding")
        ));
    }
    paragraph("");
    paragraph(&sentence(comparison, lang));
    paragraph(&method(comparison, lang));
    let listed: Vec<&CellComparison> = comparison
        .cells
        .iter()
        .filter(|cell| shown == Shown::All || cell.change != Change::WithinNoise)
        .collect();
    if !listed.is_empty() {
        text.push('\n');
        text += &format!("{}\n", table(&listed, lang, width));
    }
    text
}

fn sentence(comparison: &Comparison, lang: Lang) -> String {
    let count = |change| {
        comparison
            .cells
            .iter()
            .filter(|cell| cell.change == change)
            .count()
    };
    let (faster, slower, noise) = (
        count(Change::Faster),
        count(Change::Slower),
        count(Change::WithinNoise),
    );
    let unjudged = comparison.cells.len() - faster - slower - noise;
    let overall = comparison.overall.map_or_else(String::new, |ratio| {
        let what = change(comparison.overall_change, lang);
        format!(
            " {}: {} ({what}).",
            lang.pick("All cells together, B over A", "Semua sel bersama, B dibanding A"),
            ratio_text(&ratio, lang)
        )
    });
    match lang {
        Lang::En => format!(
            "B is faster in {faster} cells, slower in {slower}, within noise in {noise}; {unjudged} cannot be judged.{overall}"
        ),
        Lang::Id => format!(
            "B lebih cepat pada {faster} sel, lebih lambat pada {slower}, dalam derau pada {noise}; {unjudged} tidak dapat dinilai.{overall}"
        ),
    }
}

fn method(comparison: &Comparison, lang: Lang) -> String {
    let (rate, floor) = (
        lang.percent(comparison.method.false_discovery),
        lang.percent(comparison.method.floor),
    );
    match lang {
        Lang::En => format!(
            "Total throughput, B over A, with 95% intervals; corrected for the number of cells (Benjamini-Hochberg, {rate}); differences below {floor} count as none."
        ),
        Lang::Id => format!(
            "Throughput total, B dibanding A, dengan interval 95%; dikoreksi untuk banyaknya sel (Benjamini-Hochberg, {rate}); selisih di bawah {floor} dianggap tidak ada."
        ),
    }
}

fn table(cells: &[&CellComparison], lang: Lang, width: u16) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    table.set_header([
        lang.pick("Operation", "Operasi"),
        "Volume",
        "Client",
        "Pool",
        lang.pick("Client pool", "Pool client"),
        "A (MiB/s)",
        "B (MiB/s)",
        "B/A",
        lang.pick("Interval", "Interval"),
        lang.pick("Change", "Perubahan"),
    ]);
    for CellComparison {
        cell,
        before_bytes_per_s,
        after_bytes_per_s,
        ratio,
        change: came_to,
        ..
    } in cells
    {
        let rate =
            |rate: &Option<f64>| rate.map_or_else(|| "–".to_owned(), |rate| lang.number(rate / MIB as f64));
        let (times, interval) = ratio.as_ref().map_or_else(
            || ("–".to_owned(), "–".to_owned()),
            |ratio| {
                (
                    lang.fixed(ratio.ratio, 3),
                    format!("{}–{}", lang.fixed(ratio.low, 3), lang.fixed(ratio.high, 3)),
                )
            },
        );
        table.add_row([
            operation(cell.operation, lang).to_owned(),
            format!("{:#}", cell.volume),
            cell.clients.to_string(),
            cell.pool.to_string(),
            cell.client_pool.to_string(),
            rate(before_bytes_per_s),
            rate(after_bytes_per_s),
            times,
            interval,
            change(*came_to, lang).to_owned(),
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

fn ratio_text(ratio: &Ratio, lang: Lang) -> String {
    let [middle, low, high] = [ratio.ratio, ratio.low, ratio.high].map(|value| lang.fixed(value, 3));
    format!("{middle} ({low} {} {high})", lang.pick("to", "sampai"))
}

fn change(change: Change, lang: Lang) -> &'static str {
    match change {
        Change::Faster => lang.pick("faster", "lebih cepat"),
        Change::Slower => lang.pick("slower", "lebih lambat"),
        Change::WithinNoise => lang.pick("within noise", "dalam derau"),
        Change::Unjudged(Unjudged::Missing) => lang.pick("not in both", "tidak ada di keduanya"),
        Change::Unjudged(Unjudged::Invalid) => lang.pick("invalid", "tidak sah"),
        Change::Unjudged(Unjudged::Failed) => lang.pick("failed", "gagal"),
        Change::Unjudged(Unjudged::SingleTrial) => lang.pick("one trial only", "hanya satu percobaan"),
    }
}
