//! The curve through throughput against a pool's size, or why there is none, in words.

use haul_results::scaling::{Fit, Interval, LEVELS_MIN, NoCurve, REPEATS_MIN};

use crate::lang::Lang;

/// The fit, where the run was made for one: with a few levels nobody expects a curve.
pub(crate) fn asked_for(law: Option<&Result<Fit, NoCurve>>) -> Option<&Result<Fit, NoCurve>> {
    law.filter(|law| !matches!(law, Err(NoCurve::TooFewLevels { .. })))
}

/// What became of the fitted curve.
pub(crate) fn text(fit: &Result<Fit, NoCurve>, lang: Lang) -> String {
    match (fit, lang) {
        (Ok(fit), lang) => {
            let number = |value: f64| lang.fixed(value, 5);
            let range = |interval: Interval| {
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

fn refusal_in_indonesian(refusal: &NoCurve) -> String {
    let number = |value: f64| Lang::Id.fixed(value, 6);
    match refusal {
        NoCurve::TooFewLevels { found } => {
            format!("hanya {found} tingkat yang diuji, perlu {}", LEVELS_MIN)
        }
        NoCurve::TooFewRepeats { count, found } => {
            format!("tingkat {count} diuji {found} kali, perlu {}", REPEATS_MIN)
        }
        NoCurve::Invalid { count } => format!("sel dengan {count} tidak sah atau ada transfer yang gagal"),
        NoCurve::Singular => "hasil ukur tidak menentukan kurva".to_owned(),
        NoCurve::Alpha { alpha } => format!("α akan menjadi {}, di luar 0 sampai 1", number(alpha.value)),
        NoCurve::Beta { beta } => format!("β akan menjadi {}, padahal tidak boleh negatif", number(*beta)),
        NoCurve::NoPeak { beta } => {
            format!(
                "tidak tampak puncak: β mungkin 0 (interval {} – {})",
                number(beta.low),
                number(beta.high)
            )
        }
        NoCurve::PeakOutside { peak, least, most } => {
            format!("puncak akan berada pada {peak:.0}, di luar yang diuji ({least} – {most})")
        }
        NoCurve::RelativeError { count, error } => {
            format!(
                "kurva meleset {} dari median pada {count}",
                Lang::Id.percent(*error)
            )
        }
    }
}
