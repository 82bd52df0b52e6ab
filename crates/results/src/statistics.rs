//! The few statistics that everything else is made of. Nothing here knows what the numbers mean.

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// How often a bootstrap draws.
const RESAMPLES: usize = 2000;
/// The confidence that intervals aim at.
const CONFIDENCE: f64 = 0.95;

/// A median with its interval, in the unit of the values.
///
/// The interval is the percentile bootstrap's, from 2,000 resamples. With few values no interval made of them can hold
/// the true median 95 times of 100: from the smallest to the largest of n values it does so 1 − 2^(1−n) times, which is
/// 75% for 3 values and reaches 95% with 6. `confidence` says what the interval can claim.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The median.
    pub median: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
    /// From how many values.
    pub values: usize,
    /// How often such an interval holds the true median, at most 0.95; 0 for a single value.
    pub confidence: f64,
}

impl Estimate {
    /// The estimate of these values; `None` if there are none or one is not finite.
    pub(crate) fn new(values: &[f64], random: &mut Random) -> Option<Self> {
        let centre = median(values)?;
        let mut medians: Vec<f64> = Vec::new();
        let mut resample = vec![0.0; values.len()];
        if values.len() > 1 {
            for _ in 0..RESAMPLES {
                resample.fill_with(|| values[random.below(values.len())]);
                medians.extend(median_in_place(&mut resample));
            }
        } else {
            medians.push(centre);
        }
        medians.sort_by(f64::total_cmp);
        let tail = (1.0 - CONFIDENCE) / 2.0;
        Some(Self {
            median: centre,
            low: sorted_quantile(&medians, tail)?,
            high: sorted_quantile(&medians, 1.0 - tail)?,
            values: values.len(),
            confidence: Self::confidence_of(values.len()),
        })
    }

    /// How often an interval from so many values holds the true median.
    #[must_use]
    pub fn confidence_of(values: usize) -> f64 {
        let pairs = i32::try_from(values).unwrap_or(i32::MAX).saturating_sub(1);
        CONFIDENCE.min(1.0 - 0.5_f64.powi(pairs))
    }

    /// Half the interval as a share of the median: how far to trust it.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        (self.high - self.low) / 2.0 / self.median
    }
}

/// The middle value, or the mean of the two in the middle; `None` if there are none or one is not finite.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    median_in_place(&mut values.to_vec())
}

/// Like [`median`]; it reorders the values.
fn median_in_place(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    sorted_quantile(values, 0.5)
}

/// The value below which the share `share` of the values lies, between two neighbours in proportion (Hyndman and Fan's
/// seventh definition, which most programs use).
pub(crate) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted_quantile(&sorted, share)
}

fn sorted_quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    Some(below + (above - below) * place.fract())
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sum of the squared distances from the mean.
pub(crate) fn squares(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

/// The second derivative of the logarithm of the gamma function, for arguments above 0: recurrence up to 8, from there
/// the asymptotic series (Abramowitz and Stegun 6.4.12), exact to ten digits.
pub(crate) fn trigamma(argument: f64) -> f64 {
    let mut argument = argument;
    let mut sum = 0.0;
    while argument < 8.0 {
        sum += argument.powi(-2);
        argument += 1.0;
    }
    let inverse = argument.recip();
    let square = inverse * inverse;
    let series = 1.0 / 6.0
        - square * (1.0 / 30.0 - square * (1.0 / 42.0 - square * (1.0 / 30.0 - square * 5.0 / 66.0)));
    sum + inverse + square / 2.0 + square * inverse * series
}

/// The argument whose [`trigamma`] is `value`, which is above 0: bisection, since it falls all the way.
pub(crate) fn trigamma_inverse(value: f64) -> f64 {
    let (mut low, mut high) = (1e-8_f64, 1e8_f64);
    for _ in 0..200 {
        let middle = (low * high).sqrt();
        if trigamma(middle) > value {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// For each p-value the smallest false discovery rate at which it is still significant (Benjamini and Hochberg 1995).
pub(crate) fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&left, &right| p_values[left].total_cmp(&p_values[right]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut smallest = 1.0_f64;
    for (rank, &place) in order.iter().enumerate().rev() {
        smallest = smallest.min(p_values[place] * p_values.len() as f64 / (rank + 1) as f64);
        adjusted[place] = smallest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeedPurpose;

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[1.0, f64::NAN]), None);
        assert_eq!(quantile(&[0.0, 10.0, 20.0, 30.0, 40.0], 0.95), Some(38.0));
    }

    #[test]
    fn an_estimate_of_few_values_claims_less_than_95_percent() {
        let mut random = Random::new(1, SeedPurpose::Estimate, 0);
        let estimate = Estimate::new(&[2.0, 1.0, 4.0], &mut random).unwrap();
        assert_eq!((estimate.median, estimate.low, estimate.high), (2.0, 1.0, 4.0));
        assert_eq!(estimate.confidence, 0.75);
        let single = Estimate::new(&[2.0], &mut random).unwrap();
        assert_eq!((single.low, single.high, single.confidence), (2.0, 2.0, 0.0));
        assert_eq!(Estimate::new(&[1.0; 7], &mut random).unwrap().confidence, 0.95);
        assert_eq!(Estimate::new(&[], &mut random), None);
    }

    #[test]
    fn the_intervals_hold_the_true_median_as_often_as_they_claim() {
        let mut random = Random::new(2, SeedPurpose::Estimate, 0);
        for (values, at_least, at_most) in [(3, 0.71, 0.79), (25, 0.91, 0.98)] {
            let mut held = 0;
            for _ in 0..600 {
                let drawn: Vec<f64> = (0..values).map(|_| 10.0 + random.normal().exp()).collect();
                let estimate = Estimate::new(&drawn, &mut random).unwrap();
                held += u32::from(estimate.low <= 11.0 && 11.0 <= estimate.high);
            }
            let share = f64::from(held) / 600.0;
            assert!(share > at_least && share < at_most, "{values}: {share}");
        }
    }

    #[test]
    fn trigamma_has_its_known_values() {
        let pi_squared = std::f64::consts::PI.powi(2);
        assert!((trigamma(1.0) - pi_squared / 6.0).abs() < 1e-9);
        assert!((trigamma(0.5) - pi_squared / 2.0).abs() < 1e-9);
        assert!((trigamma(20.0) - 0.051_270_822_935_2).abs() < 1e-9);
        for argument in [0.1, 2.0, 30.0] {
            assert!((trigamma_inverse(trigamma(argument)) / argument - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn the_correction_for_many_comparisons_is_the_published_one() {
        let adjusted = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.02, 0.04, 0.04, 0.02];
        assert!(
            adjusted
                .iter()
                .zip(expected)
                .all(|(left, right)| (left - right).abs() < 1e-12),
            "{adjusted:?}"
        );
        assert!(benjamini_hochberg(&[]).is_empty());
    }
}
