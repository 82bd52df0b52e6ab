//! The verdict: what came out, how sure it is, and what else is worth a line.

use haul_results::{Extreme, Grade, Verdict};
use haul_types::MIB;

use crate::labels::classes_text;
use crate::scaling_law;
use crate::view::{View, median};
use crate::words::Wording;

/// Most crossed thresholds that are listed.
const CROSSINGS_MAX: usize = 6;

/// What came out.
pub(crate) struct VerdictText {
    pub(crate) sentence: String,
    /// How sure it is.
    pub(crate) confidence: String,
    /// What else is worth a line.
    pub(crate) points: Vec<String>,
    /// Whether every cell is measured, valid and without a failure, and no threshold was crossed.
    pub(crate) is_good: bool,
}

pub(crate) fn verdict(view: &View<'_>) -> VerdictText {
    let verdict = &view.analysis.verdict;
    VerdictText {
        sentence: sentence(verdict, view.words),
        confidence: confidence(verdict, view.analysis.run.header.repeats, view.words),
        points: points(view, verdict),
        is_good: verdict.grade == Grade::Ok,
    }
}

fn sentence(verdict: &Verdict, words: &Wording) -> String {
    let outcome = (words.verdict.outcome)(verdict);
    match &verdict.recommendation {
        Some(recommendation) => format!("{outcome}; {}.", (words.verdict.advice)(recommendation)),
        None => format!("{outcome}."),
    }
}

fn confidence(verdict: &Verdict, repeats: u32, words: &Wording) -> String {
    let mut text = if verdict.confidence > 0.0 {
        (words.verdict.confidence)(repeats, &words.percent(verdict.confidence))
    } else {
        words.verdict.confidence_unknown.to_owned()
    };
    if let Some(error) = verdict.relative_error.filter(|error| *error > 0.0) {
        text += &(words.verdict.within)(&words.percent(error));
    }
    let claim = verdict
        .recommendation
        .as_ref()
        .filter(|claim| claim.recommended.pool != claim.best);
    if let Some(ratio) = claim.map(|claim| claim.recommended.ratio) {
        let [median, low, high] =
            [ratio.median, ratio.low, ratio.high].map(|share| format!("{}%", words.fixed(share * 100.0, 1)));
        text += &(words.verdict.reaches)(&median);
        if ratio.values > 1 {
            text += &format!(" ({})", (words.nouns.range)(&low, &high));
        }
    }
    text + "."
}

fn points(view: &View<'_>, verdict: &Verdict) -> Vec<String> {
    let (words, own) = (view.words, &view.words.verdict);
    let moved = words.number(verdict.content.as_gib());
    let mut points = vec![(own.moved)(&moved, verdict.transfers_ok)];
    let extremes = [(own.fastest, verdict.fastest), (own.slowest, verdict.slowest)];
    points.extend(
        extremes
            .into_iter()
            .filter_map(|(name, cell)| Some(extreme(view, &cell?, name))),
    );
    if !verdict.failures.is_empty() {
        points.push(format!("{}: {}", own.failures, classes_text(&verdict.failures)));
    }
    let limited = verdict.cells_limited_by_client.len();
    if limited > 0 {
        points.push((own.limited_by_client)(limited, verdict.cells));
    }
    let ratio = median(view.ratios());
    points.extend(ratio.map(|ratio| (own.against_baseline)(&words.number(ratio))));
    let law = scaling_law::asked_for(view.analysis.scaling.as_ref());
    points.extend(law.map(|law| scaling_law::text(law, words)));
    for crossing in verdict.crossings.iter().take(CROSSINGS_MAX) {
        points.push(format!(
            "{}: {} ({})",
            own.crossed, crossing.threshold, crossing.cell
        ));
    }
    points
}

fn extreme(view: &View<'_>, extreme: &Extreme, name: &str) -> String {
    let rate = view.words.number(extreme.total_bytes_per_s.median / MIB as f64);
    format!("{name}: {rate} MiB/s ({})", view.cell_name(&extreme.cell))
}
