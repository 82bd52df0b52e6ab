//! The verdict in words: what came out, in one sentence, and how sure it is.

use haul_results::{Extreme, FailureClass, Grade, Recommendation, Verdict};
use haul_types::MIB;

use crate::labels::classes_text;
use crate::lang::Lang;
use crate::scaling_law;
use crate::view::{View, median};

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
        sentence: sentence(verdict, view.lang),
        confidence: confidence(view, verdict),
        points: points(view, verdict),
        is_good: verdict.grade == Grade::Ok,
    }
}

fn sentence(verdict: &Verdict, lang: Lang) -> String {
    let outcome = outcome(verdict, lang);
    match &verdict.recommendation {
        Some(recommendation) => format!("{outcome}; {}.", advice(recommendation, lang)),
        None => format!("{outcome}."),
    }
}

fn outcome(verdict: &Verdict, lang: Lang) -> String {
    let cells = verdict.cells;
    let failed: u64 = verdict.failures.values().sum();
    let transfers = verdict.transfers_ok + failed;
    match (verdict.grade, lang) {
        (Grade::Ok, Lang::En) if verdict.transfers_verified == transfers => {
            format!("All {cells} cells succeeded, and every byte of {transfers} transfers was verified")
        }
        (Grade::Ok, Lang::Id) if verdict.transfers_verified == transfers => {
            format!("Semua {cells} sel berhasil, dan setiap byte dari {transfers} transfer terverifikasi")
        }
        (Grade::Ok, Lang::En) => format!("All {cells} cells succeeded, with {transfers} transfers"),
        (Grade::Ok, Lang::Id) => format!("Semua {cells} sel berhasil, dengan {transfers} transfer"),
        (Grade::Corrupt, lang) => {
            let corrupt = verdict
                .failures
                .get(&FailureClass::Corrupt)
                .copied()
                .unwrap_or_default();
            match lang {
                Lang::En => {
                    format!("Content was corrupted: {corrupt} of {transfers} transfers brought a wrong byte")
                }
                Lang::Id => format!("Isi rusak: {corrupt} dari {transfers} transfer membawa byte yang salah"),
            }
        }
        (Grade::Invalid, Lang::En) => format!(
            "The run is invalid in {} of {cells} cells",
            verdict.cells_invalid.len()
        ),
        (Grade::Invalid, Lang::Id) => format!(
            "Pengujian tidak sah pada {} dari {cells} sel",
            verdict.cells_invalid.len()
        ),
        (Grade::Incomplete, Lang::En) => {
            format!(
                "The run is not complete: {} of {cells} cells lack trials",
                verdict.cells_incomplete.len()
            )
        }
        (Grade::Incomplete, Lang::Id) => {
            format!(
                "Pengujian belum lengkap: {} dari {cells} sel kekurangan percobaan",
                verdict.cells_incomplete.len()
            )
        }
        (Grade::Failed, Lang::En) => {
            format!(
                "{failed} of {transfers} transfers failed, in {} of {cells} cells",
                verdict.cells_failed.len()
            )
        }
        (Grade::Failed, Lang::Id) => {
            format!(
                "{failed} dari {transfers} transfer gagal, pada {} dari {cells} sel",
                verdict.cells_failed.len()
            )
        }
        (Grade::Crossed, Lang::En) => {
            let crossed = lang.count(
                verdict.crossings.len() as u64,
                "threshold was",
                "thresholds were",
                "",
            );
            format!("{crossed} crossed")
        }
        (Grade::Crossed, Lang::Id) => format!("{} ambang terlampaui", verdict.crossings.len()),
    }
}

fn advice(recommendation: &Recommendation, lang: Lang) -> String {
    let pool = recommendation.recommended.pool;
    let tested = recommendation.candidates.len();
    let is_best = pool == recommendation.best;
    match (tested, is_best, lang) {
        (1, _, Lang::En) => format!("{pool} is the only pool that was tested without a failure"),
        (1, _, Lang::Id) => format!("{pool} adalah satu-satunya pool teruji tanpa kegagalan"),
        (_, true, Lang::En) => format!(
            "{pool} is the fastest among the {tested} pools tested, and no smaller one comes within 5% of it"
        ),
        (_, true, Lang::Id) => format!(
            "{pool} tercepat di antara {tested} pool yang diuji, dan tidak ada yang lebih kecil dalam selisih 5%"
        ),
        (_, false, Lang::En) => {
            format!(
                "{pool} is enough, the smallest among the {tested} pools tested that is within 5% of the fastest ({})",
                recommendation.best
            )
        }
        (_, false, Lang::Id) => {
            format!(
                "{pool} sudah cukup, pool terkecil di antara {tested} yang diuji dalam selisih 5% dari yang tercepat ({})",
                recommendation.best
            )
        }
    }
}

fn confidence(view: &View<'_>, verdict: &Verdict) -> String {
    let lang = view.lang;
    let repeats = view.analysis.run.header.repeats;
    let mut text = match (verdict.confidence > 0.0, lang) {
        (true, Lang::En) => format!(
            "Confidence: {repeats} repetitions; an interval holds the true median {} of the time",
            lang.percent(verdict.confidence)
        ),
        (true, Lang::Id) => format!(
            "Keyakinan: {repeats} ulangan; sebuah interval memuat median sebenarnya {} dari waktu",
            lang.percent(verdict.confidence)
        ),
        (false, Lang::En) => {
            "Confidence: unknown, some cells have fewer than two valid repetitions".to_owned()
        }
        (false, Lang::Id) => {
            "Keyakinan: tidak diketahui, ada sel dengan kurang dari dua ulangan yang sah".to_owned()
        }
    };
    if let Some(error) = verdict.relative_error.filter(|error| *error > 0.0) {
        let error = lang.percent(error);
        text.push_str(&match lang {
            Lang::En => format!(", in the median cell within ±{error}"),
            Lang::Id => format!(", pada sel median dalam ±{error}"),
        });
    }
    let claim = verdict
        .recommendation
        .as_ref()
        .filter(|claim| claim.recommended.pool != claim.best);
    if let Some(ratio) = claim.map(|claim| claim.recommended.ratio) {
        let [median, low, high] =
            [ratio.median, ratio.low, ratio.high].map(|share| format!("{}%", lang.fixed(share * 100.0, 1)));
        text.push_str(&match lang {
            Lang::En => format!(". The recommended pool reaches {median} of the fastest"),
            Lang::Id => format!(". Pool yang disarankan mencapai {median} dari yang tercepat"),
        });
        if ratio.values > 1 {
            text.push_str(&format!(" ({low} {} {high})", lang.pick("to", "sampai")));
        }
    }
    text.push('.');
    text
}

fn points(view: &View<'_>, verdict: &Verdict) -> Vec<String> {
    let lang = view.lang;
    let mut points = Vec::new();
    let moved = lang.number(verdict.content.as_gib());
    points.push(match lang {
        Lang::En => format!(
            "{moved} GiB of content moved in {} transfers",
            verdict.transfers_ok
        ),
        Lang::Id => format!(
            "{moved} GiB isi dipindahkan dalam {} transfer",
            verdict.transfers_ok
        ),
    });
    points.extend(
        verdict
            .fastest
            .map(|cell| extreme(view, &cell, lang.pick("Fastest cell", "Sel tercepat"))),
    );
    points.extend(
        verdict
            .slowest
            .map(|cell| extreme(view, &cell, lang.pick("Slowest cell", "Sel terlambat"))),
    );
    if !verdict.failures.is_empty() {
        points.push(format!(
            "{}: {}",
            lang.pick("Failures by class", "Kegagalan menurut kelas"),
            classes_text(&verdict.failures)
        ));
    }
    let limited = verdict.cells_limited_by_client.len();
    if limited > 0 {
        points.push(match lang {
            Lang::En => format!(
                "{limited} of {} cells are limited by the client: there the server could do more",
                verdict.cells
            ),
            Lang::Id => format!(
                "{limited} dari {} sel dibatasi oleh client: di sana server mampu lebih",
                verdict.cells
            ),
        });
    }
    if let Some(ratio) = median(view.ratios()) {
        let ratio = lang.number(ratio);
        points.push(match lang {
            Lang::En => format!("Against the baseline: {ratio} times as fast in the median cell"),
            Lang::Id => format!("Terhadap baseline: {ratio} kali secepat itu pada sel median"),
        });
    }
    let law = scaling_law::asked_for(view.analysis.scaling.as_ref());
    points.extend(law.map(|law| scaling_law::text(law, lang)));
    for crossing in verdict.crossings.iter().take(CROSSINGS_MAX) {
        points.push(format!(
            "{}: {} ({})",
            lang.pick("Crossed", "Terlampaui"),
            crossing.threshold,
            crossing.cell
        ));
    }
    points
}

fn extreme(view: &View<'_>, extreme: &Extreme, name: &str) -> String {
    let rate = view.lang.number(extreme.total_bytes_per_s.median / MIB as f64);
    format!("{name}: {rate} MiB/s ({})", view.cell_name(&extreme.cell))
}
