//! What a report says, apart from the decision to say it: one constant of [`Wording`] for each language, in a file of its
//! own.
//!
//! A language is added by such a file and its line in [`Lang`](crate::Lang). The compiler asks for every sentence, and a
//! test for the heading of every column.

pub(crate) mod en;
pub(crate) mod id;

use haul_results::scaling::NoCurve;
use haul_results::{
    CeilingKind, Change, Operation, Problem, Recommendation, StatedDurability, SubjectKind, Verdict,
};

/// Everything that is said in one language. A text with a number in it is given the number already written, unless it
/// is a count.
pub(crate) struct Wording {
    /// The word by which it is asked for, which is also what browsers call it.
    pub(crate) code: &'static str,
    /// What stands before the decimals.
    pub(crate) decimal_sign: char,
    pub(crate) nouns: Nouns,
    pub(crate) headings: Headings,
    pub(crate) texts: Texts,
    pub(crate) facts: FactWords,
    pub(crate) verdict: VerdictWords,
    pub(crate) cells: CellWords,
    pub(crate) columns: Columns,
    pub(crate) drawing: DrawingWords,
    pub(crate) charts: ChartWords,
    pub(crate) comparison: ComparisonWords,
}

/// What is counted or named in many sentences.
pub(crate) struct Nouns {
    pub(crate) cells: fn(u64) -> String,
    pub(crate) repetitions: fn(u64) -> String,
    pub(crate) cores: fn(u64) -> String,
    pub(crate) clients: fn(u64) -> String,
    pub(crate) workers: fn(u64) -> String,
    pub(crate) server_workers: fn(u64) -> String,
    pub(crate) operation: fn(Operation) -> &'static str,
    pub(crate) range: fn(low: &str, high: &str) -> String,
}

/// The title, and the headings of the sections.
pub(crate) struct Headings {
    pub(crate) title: &'static str,
    pub(crate) verdict: &'static str,
    pub(crate) banner: &'static str,
    pub(crate) configuration: &'static str,
    pub(crate) architecture: &'static str,
    pub(crate) charts: &'static str,
    pub(crate) table: &'static str,
    pub(crate) columns: &'static str,
    pub(crate) repeat: &'static str,
    /// The sheets of the workbook.
    pub(crate) sheets: [&'static str; 2],
    pub(crate) page: &'static str,
}

/// The paragraphs of the sections.
pub(crate) struct Texts {
    pub(crate) architecture: &'static str,
    pub(crate) repeat: &'static str,
    pub(crate) one_repetition: &'static str,
    pub(crate) medians: fn(repeats: u32, claimed: &str) -> String,
}

/// The names of the facts of the configuration, and what there is to say of them.
pub(crate) struct FactWords {
    pub(crate) subject: &'static str,
    pub(crate) subject_kind: fn(SubjectKind) -> &'static str,
    pub(crate) durability: &'static str,
    pub(crate) durability_kind: fn(StatedDurability) -> &'static str,
    pub(crate) matrix: &'static str,
    /// Operations, volumes, clients, server workers, server pools, client pools, buffers and dialects.
    pub(crate) factors: [&'static str; 8],
    pub(crate) machine: &'static str,
    pub(crate) of_memory: &'static str,
    pub(crate) scratch: &'static str,
    pub(crate) in_memory: &'static str,
    pub(crate) on_disk: &'static str,
    pub(crate) program: &'static str,
    pub(crate) seed: &'static str,
    pub(crate) time: &'static str,
    pub(crate) not_ended: &'static str,
    pub(crate) interrupted: &'static str,
    pub(crate) resumed: fn(times: usize) -> String,
    pub(crate) load: &'static str,
    pub(crate) ceilings: &'static str,
    pub(crate) ceiling: fn(CeilingKind) -> String,
    pub(crate) verification: &'static str,
    pub(crate) verified: fn(verified: u64, ok: u64, check_s: &str) -> String,
    pub(crate) baseline: &'static str,
}

/// The verdict, and how sure it is.
pub(crate) struct VerdictWords {
    pub(crate) outcome: fn(&Verdict) -> String,
    pub(crate) advice: fn(&Recommendation) -> String,
    pub(crate) confidence: fn(repeats: u32, share: &str) -> String,
    pub(crate) confidence_unknown: &'static str,
    pub(crate) within: fn(error: &str) -> String,
    pub(crate) reaches: fn(share: &str) -> String,
    pub(crate) moved: fn(gib: &str, transfers: u64) -> String,
    pub(crate) fastest: &'static str,
    pub(crate) slowest: &'static str,
    pub(crate) failures: &'static str,
    pub(crate) limited_by_client: fn(limited: usize, cells: usize) -> String,
    pub(crate) against_baseline: fn(ratio: &str) -> String,
    pub(crate) crossed: &'static str,
    pub(crate) peak: fn(peak: &str, low: &str, high: &str) -> String,
    pub(crate) no_curve: fn(&NoCurve) -> String,
}

/// What is wrong with a run, a cell or a trial, and what else is remarked.
pub(crate) struct CellWords {
    pub(crate) incomplete: fn(missing: usize, planned: usize) -> String,
    pub(crate) cell: &'static str,
    pub(crate) further: fn(cells: usize) -> String,
    pub(crate) invalid: &'static str,
    pub(crate) failed_of: fn(failed: u32, of: u32, classes: &str) -> String,
    pub(crate) share_of_ceiling: fn(share: &str) -> String,
    pub(crate) problem: fn(&Problem) -> String,
    pub(crate) not_measured: &'static str,
    pub(crate) only_repetitions: fn(trials: u32) -> String,
    pub(crate) invalid_trials: fn(trials: u32, of: usize, reason: &str) -> String,
    pub(crate) failed: &'static str,
    pub(crate) unverified: fn(transfers: u32) -> String,
    pub(crate) above_ceiling: &'static str,
    pub(crate) limited_by_client: &'static str,
    pub(crate) scattered: &'static str,
    pub(crate) took_part: fn(part: u32, of: u32) -> String,
    pub(crate) not_reported: &'static str,
}

/// What the columns of the table are called, beside what [`crate::columns`] says of them in English.
pub(crate) struct Columns {
    /// The id of a column, its heading and its meaning. A column that is missing here is called as in English.
    pub(crate) translations: &'static [(&'static str, &'static str, &'static str)],
    /// The two headings under which an interval is written by a format that has no value of two numbers.
    pub(crate) interval_ends: [&'static str; 2],
}

/// The drawing of what was tested.
pub(crate) struct DrawingWords {
    pub(crate) clients: &'static str,
    pub(crate) start: &'static str,
    pub(crate) queue: &'static str,
    pub(crate) queue_rule: &'static str,
    pub(crate) workers: &'static str,
    pub(crate) store: &'static str,
    pub(crate) read_and_written: &'static str,
    pub(crate) read: &'static str,
    pub(crate) written: &'static str,
    pub(crate) timed: &'static str,
    pub(crate) phases: [&'static str; 3],
}

/// The charts: what to see in each, how to read it, and what its axes and colours are.
pub(crate) struct ChartWords {
    pub(crate) clients: &'static str,
    pub(crate) server_workers: &'static str,
    pub(crate) clients_and_workers: &'static str,
    pub(crate) largest_volume: fn(volume: &str) -> String,
    pub(crate) left_out: fn(panels: usize) -> String,
    pub(crate) throughput: fn(rate: &str, cell: &str) -> String,
    pub(crate) throughput_reading: &'static str,
    pub(crate) throughput_scale: &'static str,
    pub(crate) time_even: &'static str,
    pub(crate) time_spread: fn(clients: &str, workers: &str, ratio: &str) -> String,
    pub(crate) time_reading: &'static str,
    pub(crate) time_axis: &'static str,
    pub(crate) scaling: fn(least: u32, most: u32, noun: &str, range: &str) -> String,
    pub(crate) scaling_reading: &'static str,
    pub(crate) scaling_axis: &'static str,
    pub(crate) curve: &'static str,
    pub(crate) ideal: &'static str,
    pub(crate) memory_of_server: fn(mib: &str) -> String,
    pub(crate) memory_of_clients: fn(mib: &str) -> String,
    pub(crate) memory_reading: &'static str,
    pub(crate) memory_axis: &'static str,
    pub(crate) cpu: fn(low: &str, high: &str) -> String,
    pub(crate) cpu_of_clients: &'static str,
    pub(crate) cpu_reading: &'static str,
    pub(crate) cpu_axis: &'static str,
    pub(crate) cpu_parts: [&'static str; 2],
    pub(crate) phases: fn(clients: &str, workers: &str, share: &str) -> String,
    pub(crate) phases_reading: &'static str,
    pub(crate) phases_axis: &'static str,
    pub(crate) phases_parts: [&'static str; 3],
    pub(crate) baseline: fn(middle: &str, low: &str, high: &str) -> String,
    pub(crate) baseline_reading: &'static str,
    pub(crate) baseline_axis: &'static str,
    pub(crate) this_run: &'static str,
}

/// Two runs side by side.
pub(crate) struct ComparisonWords {
    pub(crate) not_comparable: &'static str,
    pub(crate) counts: fn(faster: usize, slower: usize, noise: usize, unjudged: usize) -> String,
    pub(crate) overall: &'static str,
    pub(crate) method: fn(rate: &str, floor: &str) -> String,
    pub(crate) headings: [&'static str; 10],
    pub(crate) change: fn(Change) -> &'static str,
}

impl Wording {
    /// `value` with three significant digits, whole numbers from 100 on: `0.00412`, `1.20`, `48.3`, `2871`.
    pub(crate) fn number(&self, value: f64) -> String {
        let size = value.abs();
        if size == 0.0 {
            return "0".to_owned();
        }
        let magnitude = size.log10().floor();
        let rounded_up = format!("{:.*}", decimals(magnitude), size);
        let carried = rounded_up
            .parse()
            .map_or(magnitude, |size: f64| size.log10().floor());
        self.fixed(value, decimals(carried))
    }

    /// `value` with so many decimals.
    pub(crate) fn fixed(&self, value: f64, decimals: usize) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        format!("{value:.decimals$}").replace('.', self.decimal_sign.encode_utf8(&mut [0; 4]))
    }

    /// A share from 0 to 1 as a percentage.
    pub(crate) fn percent(&self, share: f64) -> String {
        let percent = share * 100.0;
        let decimals = if percent.abs() < 9.95 { 1 } else { 0 };
        format!("{}%", self.fixed(percent, decimals))
    }
}

/// How many decimals give three significant digits; at most six.
fn decimals(magnitude: f64) -> usize {
    (2.0 - magnitude).clamp(0.0, 6.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_significant_digits() {
        let cases = [
            (0.004_123, "0.00412"),
            (0.999_9, "1.00"),
            (1.2, "1.20"),
            (9.996, "10.0"),
            (48.26, "48.3"),
            (99.96, "100"),
            (2871.4, "2871"),
            (0.0, "0"),
            (-1.5, "-1.50"),
        ];
        for (value, text) in cases {
            assert_eq!(en::WORDS.number(value), text);
        }
        assert_eq!(id::WORDS.number(48.26), "48,3");
    }
}
