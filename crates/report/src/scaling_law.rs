//! The curve through throughput against a pool's size, or why there is none, in words.

use haul_results::scale::{self, Fit, Refusal};
use haul_results::{Factor, Run};

use crate::lang::Lang;

/// The fit to a run that varies one factor, workers or else clients; `None` for other runs.
pub(crate) fn fit(run: &Run) -> Option<Result<Fit, Refusal>> {
    let levels = scale::levels(run, Factor::Workers).or_else(|| scale::levels(run, Factor::Clients))?;
    (levels.len() > 1).then(|| scale::fit(&levels, run.header.seed))
}

/// The fit, where the run was made for one: with a few levels nobody expects a curve.
pub(crate) fn asked_for(law: Option<&Result<Fit, Refusal>>) -> Option<&Result<Fit, Refusal>> {
    law.filter(|law| !matches!(law, Err(Refusal::TooFewLevels { .. })))
}

/// What became of the fitted curve.
pub(crate) fn text(fit: &Result<Fit, Refusal>, lang: Lang) -> String {
    match (fit, lang) {
        (Ok(fit), lang) => {
            let number = |value: f64| lang.fixed(value, 5);
            let range = |interval: scale::Interval| {
                format!(
                    "{} ({} – {})",
                    number(interval.value),
                    number(interval.low),
                    number(interval.high)
                )
            };
            let peak = [fit.peak.value, fit.peak.low, fit.peak.high].map(|count| lang.fixed(count, 0));
            let [peak, low, high] = peak;
            let peak = match lang {
                Lang::En => format!("its peak lies at {peak} ({low} – {high})"),
                Lang::Id => format!("puncaknya pada {peak} ({low} – {high})"),
            };
            format!(
                "Universal Scalability Law: α {}, β {}; {peak}.",
                range(fit.alpha),
                range(fit.beta)
            )
        }
        (Err(refusal), Lang::En) => format!("No curve is drawn: {refusal}."),
        (Err(refusal), Lang::Id) => format!("Kurva tidak digambar: {}.", refusal_in_indonesian(refusal)),
    }
}

fn refusal_in_indonesian(refusal: &Refusal) -> String {
    let number = |value: f64| Lang::Id.fixed(value, 6);
    match refusal {
        Refusal::TooFewLevels { found } => {
            format!("hanya {found} tingkat yang diuji, perlu {}", scale::LEVELS_MIN)
        }
        Refusal::TooFewRepeats { count, found } => {
            format!("tingkat {count} diuji {found} kali, perlu {}", scale::REPEATS_MIN)
        }
        Refusal::Invalid { count } => format!("sel dengan {count} tidak sah atau ada transfer yang gagal"),
        Refusal::Singular => "hasil ukur tidak menentukan kurva".to_owned(),
        Refusal::Alpha { alpha } => format!("α akan menjadi {}, di luar 0 sampai 1", number(alpha.value)),
        Refusal::Beta { beta } => format!("β akan menjadi {}, padahal tidak boleh negatif", number(*beta)),
        Refusal::NoPeak { beta } => {
            format!(
                "tidak tampak puncak: β mungkin 0 (interval {} – {})",
                number(beta.low),
                number(beta.high)
            )
        }
        Refusal::PeakOutside { peak, least, most } => {
            format!("puncak akan berada pada {peak:.0}, di luar yang diuji ({least} – {most})")
        }
        Refusal::RelativeError { count, error } => {
            format!(
                "kurva meleset {} dari median pada {count}",
                Lang::Id.percent(*error)
            )
        }
    }
}
