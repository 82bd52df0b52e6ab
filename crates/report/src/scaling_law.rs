//! The curve through throughput against a pool's size, or why there is none, in words.

use haul_results::scaling::{Fit, Interval, NoCurve};

use crate::words::Wording;

/// The fit, where the run was made for one: a few levels give none, and need no excuse.
pub(crate) fn asked_for(fit: Option<&Result<Fit, NoCurve>>) -> Option<&Result<Fit, NoCurve>> {
    fit.filter(|fit| !matches!(fit, Err(NoCurve::TooFewLevels { .. })))
}

/// What became of the fitted curve.
pub(crate) fn text(fit: &Result<Fit, NoCurve>, words: &Wording) -> String {
    let fit = match fit {
        Ok(fit) => fit,
        Err(why) => return (words.verdict.no_curve)(why),
    };
    let range = |interval: Interval| {
        let [value, low, high] =
            [interval.value, interval.low, interval.high].map(|value| words.fixed(value, 5));
        format!("{value} ({low} – {high})")
    };
    let [peak, low, high] = [fit.peak.value, fit.peak.low, fit.peak.high].map(|count| words.fixed(count, 0));
    format!(
        "Universal Scalability Law: α {}, β {}; {}.",
        range(fit.alpha),
        range(fit.beta),
        (words.verdict.peak)(&peak, &low, &high)
    )
}
