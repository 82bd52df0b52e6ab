//! Axes: where a value lies, and which values get a tick.

/// What an axis shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it counts, with its unit.
    pub title: String,
    /// Where its values lie.
    pub scale: Scale,
}

impl Axis {
    /// An axis with this title.
    #[must_use]
    pub fn new(title: impl Into<String>, scale: Scale) -> Self {
        let title = title.into();
        Self { title, scale }
    }
}

/// How values become places.
#[derive(Debug, Clone, PartialEq)]
pub enum Scale {
    /// A few levels side by side; level number `i` lies at `i`, half a step from its edges.
    Levels(Vec<String>),
    /// Even steps from the first to the second.
    Linear(f64, f64),
    /// Even factors from the first to the second, both above 0.
    Log(f64, f64),
}

impl Scale {
    /// From 0 to a round number from which on nothing of `values` lies.
    #[must_use]
    pub fn from_zero(values: impl IntoIterator<Item = f64>) -> Self {
        let largest = values
            .into_iter()
            .filter(|value| value.is_finite())
            .fold(0.0, f64::max);
        let step = step(if largest > 0.0 { largest } else { 1.0 });
        Self::Linear(0.0, ((largest / step).ceil() * step).max(step))
    }

    /// A logarithmic scale that holds all of `values` that are above 0, a little wider than they are.
    #[must_use]
    pub fn log_around(values: impl IntoIterator<Item = f64>) -> Self {
        let is_usable = |value: &f64| value.is_finite() && *value > 0.0;
        let (low, high) = values
            .into_iter()
            .filter(is_usable)
            .fold((f64::INFINITY, 0.0_f64), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        if low > high {
            return Self::Log(0.1, 10.0);
        }
        let room = (high / low).powf(0.06).max(1.25);
        Self::Log(low / room, high * room)
    }

    /// The place of a value, 0 at the start of the axis and 1 at its end; places outside are allowed.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        match self {
            Self::Levels(levels) => (value + 0.5) / levels.len().max(1) as f64,
            Self::Linear(low, high) => (value - low) / (high - low),
            Self::Log(low, high) => (value / low).ln() / (high / low).ln(),
        }
    }

    /// The values that get a tick, with their text: at most seven, levels always all of them.
    #[must_use]
    pub fn ticks(&self) -> Vec<(f64, String)> {
        match self {
            Self::Levels(levels) => levels
                .iter()
                .enumerate()
                .map(|(level, name)| (level as f64, name.clone()))
                .collect(),
            Self::Linear(low, high) => linear_ticks(*low, *high),
            Self::Log(low, high) => log_ticks(*low, *high),
        }
    }
}

/// A step of 1, 2 or 5 times a power of ten, of which about four reach `range`.
fn step(range: f64) -> f64 {
    let rough = range / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|factor| factor * power >= rough * 0.999);
    factor.unwrap_or(10.0) * power
}

fn linear_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let step = step(high - low);
    let first = (low / step).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last.min(first + 20))
        .map(|number| number as f64 * step)
        .map(|value| (value, plain(value)))
        .collect()
}

fn log_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let decades: Vec<f64> = (first..=last).map(|power| 10_f64.powi(power)).collect();
    let candidates: [&[f64]; 4] = [
        &[1.0, 2.0, 5.0],
        &[1.0, 3.0],
        &[1.0],
        &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
    ];
    let within = |factors: &[f64]| -> Vec<f64> {
        let all = decades
            .iter()
            .flat_map(|decade| factors.iter().map(move |factor| factor * decade));
        all.filter(|value| (low * 0.999..=high * 1.001).contains(value))
            .collect()
    };
    let fitting = candidates
        .iter()
        .map(|factors| within(factors))
        .find(|ticks| (3..=7).contains(&ticks.len()));
    let ticks = fitting.unwrap_or_else(|| {
        let wide = within(&[1.0]);
        let every = wide.len().div_ceil(6).max(1);
        let thinned: Vec<f64> = wide.into_iter().step_by(every).collect();
        if thinned.len() < 2 {
            vec![low, high]
        } else {
            thinned
        }
    });
    ticks.into_iter().map(|value| (value, plain(value))).collect()
}

/// A tick's text without needless decimals; the decimal sign is a point in every language of the report's charts.
fn plain(value: f64) -> String {
    let size = value.abs();
    if size >= 10_000.0 {
        return format!("{}k", plain(value / 1000.0));
    }
    let decimals = if size == 0.0 {
        0
    } else {
        (1.0 - size.log10().floor()).clamp(0.0, 6.0) as usize
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: &Scale) -> Vec<String> {
        scale.ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_numbers_within_the_axis() {
        assert_eq!(texts(&Scale::from_zero([2871.0])), ["0", "1000", "2000", "3000"]);
        assert_eq!(texts(&Scale::from_zero([0.83])), ["0", "0.5", "1"]);
        assert_eq!(
            texts(&Scale::Log(0.004, 9.0)),
            ["0.01", "0.03", "0.1", "0.3", "1", "3"]
        );
        assert_eq!(texts(&Scale::Log(1.0, 50.0)), ["1", "2", "5", "10", "20", "50"]);
        assert_eq!(texts(&Scale::Log(1.0, 1e12)).len(), 5);
    }

    #[test]
    fn a_value_lies_where_its_scale_says() {
        let near =
            |scale: &Scale, value: f64, place: f64| assert!((scale.place(value) - place).abs() < 1e-12);
        near(&Scale::Linear(0.0, 4.0), 1.0, 0.25);
        near(&Scale::Log(1.0, 100.0), 10.0, 0.5);
        near(&Scale::Levels(vec!["1".into(), "5".into()]), 0.0, 0.25);
    }

    #[test]
    fn a_scale_of_nothing_or_of_one_value_is_still_a_scale() {
        for scale in [
            Scale::from_zero([]),
            Scale::from_zero([0.0, f64::NAN]),
            Scale::log_around([]),
            Scale::log_around([3.0]),
            Scale::log_around([-1.0, f64::INFINITY]),
        ] {
            let ticks = scale.ticks();
            assert!((2..=8).contains(&ticks.len()), "{scale:?}: {ticks:?}");
            assert!(
                ticks
                    .iter()
                    .all(|(value, _)| (-0.01..=1.01).contains(&scale.place(*value))),
                "{ticks:?}"
            );
        }
    }
}
