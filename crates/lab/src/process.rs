//! The resources that the processes of one side use, read from /proc: processor time, memory, context switches.
//!
//! Processor time is exact to the nanosecond in sum; its split into user and system time comes from the system's ticks
//! (10 ms), over the whole life of the processes where a trial is too short for them.

use std::collections::BTreeMap;
use std::fs;

use haul_results::{ByteSize, Usage};

/// Ticks from which on the split of a trial's processor time is that of the trial itself.
const TICKS_MIN: u64 = 20;
/// The depth to which children of children are followed.
const GENERATIONS_MAX: u32 = 8;

/// The processes that have one of `roots` for an ancestor, and `roots` themselves.
pub(crate) fn family(roots: &[u32]) -> Vec<u32> {
    let mut all = roots.to_vec();
    let mut young = roots.to_vec();
    for _ in 0..GENERATIONS_MAX {
        young = young.iter().flat_map(|parent| children(*parent)).collect();
        if young.is_empty() {
            break;
        }
        all.extend(&young);
    }
    all
}

fn children(parent: u32) -> Vec<u32> {
    let listed = |task: u32| {
        let list = fs::read_to_string(format!("/proc/{parent}/task/{task}/children")).unwrap_or_default();
        numbers(&list).collect::<Vec<_>>()
    };
    tasks(parent).flat_map(listed).collect()
}

fn numbers(text: &str) -> impl Iterator<Item = u32> {
    text.split_ascii_whitespace()
        .filter_map(|number| number.parse().ok())
}

fn tasks(process: u32) -> impl Iterator<Item = u32> {
    let entries = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// ByteSize of memory now, as proportional set size, summed over the processes. A process that is gone has none; `None` if
/// no process could be read.
pub(crate) fn memory(processes: &[u32]) -> Option<ByteSize> {
    let read = processes.iter().filter_map(|process| proportional(*process));
    read.fold(None, |sum, bytes| {
        Some(ByteSize(sum.unwrap_or(ByteSize(0)).0 + bytes))
    })
}

fn proportional(process: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kibibytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// The use of a set of processes up to a moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(BTreeMap<u32, ProcessUse>);

#[derive(Debug, Clone, Copy, Default)]
struct ProcessUse {
    run_ns: u64,
    user_ticks: u64,
    system_ticks: u64,
    switches: u64,
}

impl Meter {
    /// Reads the processes now.
    pub(crate) fn read(processes: &[u32]) -> Self {
        Self(
            processes
                .iter()
                .filter_map(|process| Some((*process, reading(*process)?)))
                .collect(),
        )
    }

    /// The use since `earlier`, without memory. All that a new process has used counts; `None` if no process can be read
    /// any more.
    pub(crate) fn since(&self, earlier: &Self) -> Option<Usage> {
        let mut used = ProcessUse::default();
        let mut life = ProcessUse::default();
        for (process, now) in &self.0 {
            let before = earlier.0.get(process).copied().unwrap_or_default();
            used.run_ns += now.run_ns.saturating_sub(before.run_ns);
            used.user_ticks += now.user_ticks.saturating_sub(before.user_ticks);
            used.system_ticks += now.system_ticks.saturating_sub(before.system_ticks);
            used.switches += now.switches.saturating_sub(before.switches);
            life.user_ticks += now.user_ticks;
            life.system_ticks += now.system_ticks;
        }
        let split = if used.user_ticks + used.system_ticks >= TICKS_MIN {
            used
        } else {
            life
        };
        let ticks = split.user_ticks + split.system_ticks;
        let run_us = used.run_ns / 1000;
        let user_us = match ticks {
            0 => run_us,
            _ => (u128::from(run_us) * u128::from(split.user_ticks) / u128::from(ticks)) as u64,
        };
        (!self.0.is_empty()).then_some(Usage {
            user_us,
            system_us: run_us - user_us,
            peak_memory: None,
            context_switches: Some(used.switches),
        })
    }
}

fn reading(process: u32) -> Option<ProcessUse> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything. User and system time are the 12th and 13th field behind it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse().ok();
    let mut reading = ProcessUse {
        user_ticks: ticks()?,
        system_ticks: ticks()?,
        ..ProcessUse::default()
    };
    for task in tasks(process) {
        let folder = format!("/proc/{process}/task/{task}");
        let run = fs::read_to_string(format!("{folder}/schedstat")).unwrap_or_default();
        let run_ns = run
            .split_ascii_whitespace()
            .next()
            .and_then(|run| run.parse().ok());
        reading.run_ns += run_ns.unwrap_or(0);
        let status = fs::read_to_string(format!("{folder}/status")).unwrap_or_default();
        reading.switches += switches(&status);
    }
    if reading.run_ns == 0 {
        // A kernel without these counts still has ticks, 100 a second.
        reading.run_ns = (reading.user_ticks + reading.system_ticks) * 10_000_000;
    }
    Some(reading)
}

fn switches(status: &str) -> u64 {
    let counts = status
        .lines()
        .filter_map(|line| line.split_once("_ctxt_switches:"));
    counts
        .filter_map(|(_, count)| count.trim().parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(process: u32, run_ns: u64, user_ticks: u64, system_ticks: u64, switches: u64) -> Meter {
        Meter(BTreeMap::from([(
            process,
            ProcessUse {
                run_ns,
                user_ticks,
                system_ticks,
                switches,
            },
        )]))
    }

    #[test]
    fn processor_time_is_split_as_the_ticks_of_the_trial_are() {
        let before = meter(1, 1_000_000_000, 100, 0, 5);
        let after = meter(1, 2_000_000_000, 125, 75, 12);
        let used = after.since(&before).unwrap_or_default();
        assert_eq!((used.user_us, used.system_us), (250_000, 750_000));
        assert_eq!(used.context_switches, Some(7));
    }

    #[test]
    fn a_trial_too_short_for_ticks_is_split_as_the_life_of_the_processes() {
        let before = meter(1, 0, 30, 10, 0);
        let used = meter(1, 4_000_000, 30, 10, 0).since(&before).unwrap_or_default();
        assert_eq!((used.user_us, used.system_us), (3000, 1000));
    }

    #[test]
    fn a_process_that_came_later_has_used_all_that_it_has() {
        let used = meter(9, 8_000, 0, 0, 3)
            .since(&meter(1, 500, 0, 0, 1))
            .unwrap_or_default();
        assert_eq!((used.cpu_s(), used.context_switches), (8e-6, Some(3)));
        assert_eq!(Meter::default().since(&meter(1, 500, 0, 0, 1)), None);
    }

    #[test]
    fn this_process_has_memory_and_has_used_a_processor() {
        let own = [std::process::id()];
        assert!(memory(&own).is_some_and(|bytes| bytes > ByteSize::kib(100)));
        assert!(
            Meter::read(&own)
                .since(&Meter::default())
                .is_some_and(|used| used.cpu_s() > 0.0)
        );
        assert_eq!(memory(&[]), None);
    }

    #[test]
    fn voluntary_and_other_switches_are_added() {
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n";
        assert_eq!(switches(status), 15);
    }
}
