//! Whether and how throughput follows the Universal Scalability Law when one factor grows.
//!
//! X(N) = γN / (1 + α(N−1) + βN(N−1)) (N. Gunther, *Guerrilla Capacity Planning*, 2007, chapter 4): γ is the throughput
//! at N = 1, α the share of the work for which all wait in turn, β the cost of every pair that has to agree. With β
//! above 0 throughput has a peak at N = √((1−α)/β).
//!
//! N/X is a polynomial, a + b(N−1) + cN(N−1) with γ = 1/a, α = b/a and β = c/a, so the fit is linear least squares. The
//! weights are (X/N)², since throughput is measured with about the same relative error everywhere. The intervals are a
//! bootstrap's over relative residuals, made larger by the degrees of freedom that the fit used up, and studentised: each
//! resample counts in its own standard errors.
//!
//! A curve can always be drawn, so [`fit`] refuses whenever the measurements do not support it; see [`NoCurve`].

use serde::{Deserialize, Serialize};

use super::rows::Row;
use crate::cell::Cell;
use crate::matrix::Factor;
use crate::random::{Random, SeedPurpose};
use crate::statistics::{median, quantile};

/// The fewest levels of the factor that are fitted.
pub const LEVELS_MIN: usize = 6;
/// The fewest repeats of each level that are fitted.
pub const REPEATS_MIN: usize = 3;
/// The largest distance of the curve from a level's median, as a share of it.
pub const RELATIVE_ERROR_MAX: f64 = 0.10;

const RESAMPLES: usize = 1000;

/// All trials at one level of the factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// The level: how many clients or workers.
    pub count: u32,
    /// Total throughput of each trial in bytes per second.
    pub bytes_per_s: Vec<f64>,
    /// Whether every trial is valid and no transfer failed.
    pub is_sound: bool,
}

/// A value with its 95% interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The value.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The law with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Throughput at N = 1, in bytes per second.
    pub gamma: Interval,
    /// The share of the work for which all wait in turn, 0 to 1.
    pub alpha: Interval,
    /// The cost of every pair, above 0.
    pub beta: Interval,
    /// The N at which throughput is highest, within the levels that were tested.
    pub peak: Interval,
    /// The largest distance of the curve from a level's median, as a share of it.
    pub relative_error: f64,
}

impl Fit {
    /// The throughput that the law gives for `count`, in bytes per second.
    #[must_use]
    pub fn bytes_per_s(&self, count: f64) -> f64 {
        let waiting = self.alpha.value * (count - 1.0) + self.beta.value * count * (count - 1.0);
        self.gamma.value * count / (1.0 + waiting)
    }
}

/// Why no curve is drawn. Each says what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "refusal")]
pub enum NoCurve {
    /// Too few levels of the factor.
    TooFewLevels {
        /// How many there are.
        found: usize,
    },
    /// Too few repeats of some level.
    TooFewRepeats {
        /// The level.
        count: u32,
        /// How many repeats it has.
        found: usize,
    },
    /// Some cell is invalid or has failed transfers.
    Invalid {
        /// The level.
        count: u32,
    },
    /// The measurements determine no curve.
    Singular,
    /// α is outside 0 to 1, or could be 1, with which nothing scales and there is no peak to speak of.
    Alpha {
        /// What it would be.
        alpha: Interval,
    },
    /// β is below 0.
    Beta {
        /// What it would be.
        beta: f64,
    },
    /// It cannot be told whether throughput ever falls.
    NoPeak {
        /// β with its interval.
        beta: Interval,
    },
    /// The peak lies where nothing was measured.
    PeakOutside {
        /// Where it would be.
        peak: f64,
        /// The smallest level tested.
        least: u32,
        /// The largest level tested.
        most: u32,
    },
    /// The curve misses a level by too much.
    RelativeError {
        /// The level.
        count: u32,
        /// The distance as a share of the median.
        error: f64,
    },
}

/// The fit to a run in which only workers or only clients vary; `None` for other runs.
pub(super) fn of_rows(rows: &[Row], seed: u64) -> Option<Result<Fit, NoCurve>> {
    let levels = levels(rows, Factor::Workers).or_else(|| levels(rows, Factor::Clients))?;
    (levels.len() > 1).then(|| fit(&levels, seed))
}

/// The levels of a run in which one factor varies, by the cell that they share otherwise; `None` if `factor` is neither
/// clients nor workers, or other factors vary as well.
fn levels(rows: &[Row], factor: Factor) -> Option<Vec<Level>> {
    let count_of = |cell: &Cell| match factor {
        Factor::Clients => Some(cell.clients),
        Factor::Workers => Some(cell.pool.workers),
        _ => None,
    };
    let without = |cell: Cell| {
        let mut cell = cell;
        match factor {
            Factor::Clients => cell.clients = 0,
            _ => cell.pool.workers = 0,
        }
        cell
    };
    let summaries = || rows.iter().map(|row| &row.summary);
    let first = summaries().next().map(|summary| without(summary.cell))?;
    if summaries().any(|summary| without(summary.cell) != first) {
        return None;
    }
    let mut levels = summaries()
        .map(|summary| {
            Some(Level {
                count: count_of(&summary.cell)?,
                bytes_per_s: summary
                    .valid_trials()
                    .map(|trial| trial.total_bytes_per_s)
                    .collect(),
                is_sound: summary.is_valid() && summary.clients_failed() == 0,
            })
        })
        .collect::<Option<Vec<_>>>()?;
    levels.sort_by_key(|level| level.count);
    Some(levels)
}

/// Fits the law to the levels; `seed` gives the bootstrap.
///
/// # Errors
///
/// If the measurements do not support a curve; the first reason in the order of [`NoCurve`].
pub fn fit(levels: &[Level], seed: u64) -> Result<Fit, NoCurve> {
    require(levels)?;
    let points: Vec<Measurement> = levels
        .iter()
        .flat_map(|level| {
            level.bytes_per_s.iter().map(|&rate| Measurement {
                count: f64::from(level.count),
                rate,
            })
        })
        .collect();
    let curve = Curve::through(&points).ok_or(NoCurve::Singular)?;
    let intervals = Intervals::of(&curve, &points, seed);
    let [alpha, beta] = [intervals.alpha, intervals.beta];
    if alpha.value < 0.0 || alpha.value > 1.0 || alpha.high >= 1.0 {
        return Err(NoCurve::Alpha { alpha });
    }
    if beta.value < 0.0 {
        return Err(NoCurve::Beta { beta: beta.value });
    }
    if beta.low <= 0.0 {
        return Err(NoCurve::NoPeak { beta });
    }
    let (least, most) = (levels[0].count, levels[levels.len() - 1].count);
    let peak = intervals.peak;
    if peak.value < f64::from(least) || peak.value > f64::from(most) {
        return Err(NoCurve::PeakOutside {
            peak: peak.value,
            least,
            most,
        });
    }
    let fit = Fit {
        gamma: intervals.gamma,
        alpha,
        beta,
        peak,
        relative_error: 0.0,
    };
    let (count, error) = worst(&fit, levels);
    if error > RELATIVE_ERROR_MAX {
        return Err(NoCurve::RelativeError { count, error });
    }
    Ok(Fit {
        relative_error: error,
        ..fit
    })
}

fn require(levels: &[Level]) -> Result<(), NoCurve> {
    let is_positive = |rate: &f64| rate.is_finite() && *rate > 0.0;
    let ordered = levels.windows(2).all(|pair| pair[0].count < pair[1].count);
    if levels.len() < LEVELS_MIN {
        return Err(NoCurve::TooFewLevels { found: levels.len() });
    }
    if !ordered || levels[0].count == 0 {
        return Err(NoCurve::Singular);
    }
    for level in levels {
        if !level.is_sound || !level.bytes_per_s.iter().all(is_positive) {
            return Err(NoCurve::Invalid { count: level.count });
        }
        if level.bytes_per_s.len() < REPEATS_MIN {
            return Err(NoCurve::TooFewRepeats {
                count: level.count,
                found: level.bytes_per_s.len(),
            });
        }
    }
    Ok(())
}

fn worst(fit: &Fit, levels: &[Level]) -> (u32, f64) {
    let error = |level: &Level| {
        let middle = median(&level.bytes_per_s).expect("a level has rates, all of them finite");
        (fit.bytes_per_s(f64::from(level.count)) / middle - 1.0).abs()
    };
    let errors = levels.iter().map(|level| (level.count, error(level)));
    errors.fold(
        (0, 0.0),
        |worst, found| if found.1 > worst.1 { found } else { worst },
    )
}

#[derive(Debug, Clone, Copy)]
struct Measurement {
    count: f64,
    rate: f64,
}

/// The coefficients of N/X = a + b(N−1) + cN(N−1) and their covariance.
#[derive(Debug)]
struct Curve {
    coefficients: [f64; 3],
    covariance: [[f64; 3]; 3],
}

fn terms(count: f64) -> [f64; 3] {
    [1.0, count - 1.0, count * (count - 1.0)]
}

fn product(left: [f64; 3], right: [f64; 3]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

impl Curve {
    /// Weighted least squares: each point's terms and its N/X are divided by N/X, so that the residuals are relative.
    fn through(points: &[Measurement]) -> Option<Self> {
        let mut normal = [[0.0; 3]; 3];
        let mut right = [0.0; 3];
        for point in points {
            let weight = point.rate / point.count;
            let scaled = terms(point.count).map(|term| term * weight);
            for row in 0..3 {
                right[row] += scaled[row];
                for column in 0..3 {
                    normal[row][column] += scaled[row] * scaled[column];
                }
            }
        }
        let inverse = inverse(normal)?;
        let coefficients = inverse.map(|row| product(row, right));
        let squares: f64 = points
            .iter()
            .map(|point| {
                let predicted = product(terms(point.count), coefficients) * point.rate / point.count;
                (predicted - 1.0).powi(2)
            })
            .sum();
        let variance = squares / (points.len() - 3) as f64;
        let covariance = inverse.map(|row| row.map(|entry| entry * variance));
        let is_finite = coefficients.iter().all(|coefficient| coefficient.is_finite());
        (is_finite && coefficients[0] > 0.0).then_some(Self {
            coefficients,
            covariance,
        })
    }

    fn predicted(&self, count: f64) -> f64 {
        product(terms(count), self.coefficients)
    }

    fn alpha(&self) -> f64 {
        self.coefficients[1] / self.coefficients[0]
    }

    fn beta(&self) -> f64 {
        self.coefficients[2] / self.coefficients[0]
    }

    /// NaN if there is none.
    fn peak(&self) -> f64 {
        ((1.0 - self.alpha()) / self.beta()).sqrt()
    }

    /// The standard error of a function of the coefficients with this gradient (the delta method).
    fn error(&self, gradient: [f64; 3]) -> f64 {
        let along = self.covariance.map(|row| product(row, gradient));
        product(along, gradient).max(0.0).sqrt()
    }

    /// α and β with their standard errors.
    fn shares(&self) -> [(f64, f64); 2] {
        let [first, ..] = self.coefficients;
        let (alpha, beta) = (self.alpha(), self.beta());
        [
            (alpha, self.error([-alpha / first, first.recip(), 0.0])),
            (beta, self.error([-beta / first, 0.0, first.recip()])),
        ]
    }
}

/// The inverse of a symmetric matrix with positive diagonal, scaled to a unit diagonal first, since its entries span many
/// powers of ten.
fn inverse(matrix: [[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
    let scale = [0, 1, 2].map(|place: usize| matrix[place][place].sqrt().recip());
    let entry = |row: usize, column: usize| matrix[row % 3][column % 3] * scale[row % 3] * scale[column % 3];
    let cofactor = |row: usize, column: usize| {
        entry(row + 1, column + 1) * entry(row + 2, column + 2)
            - entry(row + 1, column + 2) * entry(row + 2, column + 1)
    };
    let determinant: f64 = (0..3).map(|column| entry(0, column) * cofactor(0, column)).sum();
    let is_regular = determinant.is_finite() && determinant > 1e-12;
    is_regular.then(|| {
        [0, 1, 2].map(|row: usize| {
            [0, 1, 2].map(|column: usize| cofactor(column, row) / determinant * scale[row] * scale[column])
        })
    })
}

struct Intervals {
    gamma: Interval,
    alpha: Interval,
    beta: Interval,
    peak: Interval,
}

impl Intervals {
    fn of(curve: &Curve, points: &[Measurement], seed: u64) -> Self {
        let mut random = Random::new(seed, SeedPurpose::Scale, 0);
        let resamples = resample(curve, points, &mut random);
        let plain = |value: f64, of: fn(&Curve) -> f64| {
            let values: Vec<f64> = resamples
                .iter()
                .map(of)
                .map(|value| if value.is_nan() { f64::INFINITY } else { value })
                .collect();
            Interval {
                value,
                low: end(&values, 0.025),
                high: end(&values, 0.975),
            }
        };
        let studentised = |share: usize| {
            let (value, error) = curve.shares()[share];
            let distances: Vec<f64> = resamples
                .iter()
                .map(|resample| resample.shares()[share])
                .map(|(found, found_error)| (found - value) / found_error.max(f64::MIN_POSITIVE))
                .collect();
            Interval {
                value,
                low: value - end(&distances, 0.975) * error,
                high: value - end(&distances, 0.025) * error,
            }
        };
        Self {
            gamma: plain(curve.coefficients[0].recip(), |curve| {
                curve.coefficients[0].recip()
            }),
            alpha: studentised(0),
            beta: studentised(1),
            peak: plain(curve.peak(), Curve::peak),
        }
    }
}

fn end(values: &[f64], share: f64) -> f64 {
    quantile(values, share).unwrap_or(f64::NAN)
}

/// Curves through points that lie around `curve` as the measured ones do.
fn resample(curve: &Curve, points: &[Measurement], random: &mut Random) -> Vec<Curve> {
    let count = points.len() as f64;
    let used_up = (count / (count - 3.0)).sqrt();
    let residuals: Vec<f64> = points
        .iter()
        .map(|point| (point.count / point.rate / curve.predicted(point.count)).ln() * used_up)
        .collect();
    let mut drawn = points.to_vec();
    let draw = |_| {
        for point in &mut drawn {
            let residual = residuals[random.below(residuals.len())];
            point.rate = point.count / (curve.predicted(point.count) * residual.exp());
        }
        Curve::through(&drawn)
    };
    (0..RESAMPLES).filter_map(draw).collect()
}

#[cfg(test)]
mod tests;
