//! The journal: one JSON document a line, appended as things happen, readable wherever it was cut off.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::run::{self, Ceiling, End, Header, Run, RunError};
use crate::trial::Trial;

/// The journal's name in the folder of a run.
pub const JOURNAL: &str = "journal.jsonl";

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JournalLine {
    /// The first line, and only that.
    Start(Box<Header>),
    /// A ceiling was measured.
    Ceiling(Ceiling),
    /// A trial is over.
    Trial(Box<Trial>),
    /// The run goes on after an interruption.
    Resumed(Timestamp),
    /// The run is over.
    End(End),
}

impl JournalLine {
    /// The line with its line end, to be appended in one write.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("plain data with text keys can be written as JSON");
        line.push('\n');
        line
    }
}

/// What a journal holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Journal {
    /// The run so far.
    pub run: Run,
    /// How long the whole lines are. What follows was cut off in the middle of a line: before anything is appended,
    /// the file is cut to this length.
    pub whole_bytes: usize,
    /// Whether anything follows.
    pub is_cut: bool,
}

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Not even its first line is whole: nothing was measured yet.
    #[error("the journal is empty: nothing was measured yet")]
    Empty,
    /// It is no journal, or one of another version.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A whole line cannot be read.
    #[error("line {number} of the journal is damaged: {problem}")]
    Line {
        /// Its number, from 1.
        number: usize,
        /// What is wrong with it.
        problem: String,
    },
}

impl Journal {
    /// Reads a journal. A last line without its line end was cut off in the middle and is left out.
    ///
    /// # Errors
    ///
    /// If not even the first line is whole, if the journal is of another version, or if a whole line is damaged.
    pub fn read(journal: &[u8]) -> Result<Self, JournalError> {
        let whole_bytes = journal
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |last| last + 1);
        let mut lines = journal[..whole_bytes].split_inclusive(|&byte| byte == b'\n');
        let mut recording = Recording::begin(header(lines.next().ok_or(JournalError::Empty)?)?);
        for (line, number) in lines.zip(2..) {
            let damaged = |problem: String| JournalError::Line { number, problem };
            let record = serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?;
            recording.apply(record).map_err(damaged)?;
        }
        Ok(Self {
            run: recording.into_run(),
            whole_bytes,
            is_cut: whole_bytes < journal.len(),
        })
    }
}

/// The first line, whose version is looked at before anything else.
fn header(line: &[u8]) -> Result<Header, RunError> {
    #[derive(Deserialize)]
    struct Start {
        start: Header,
    }
    let Start { start } = run::read_format(line)?;
    start.check()?;
    Ok(start)
}

/// A run that grows line by line of its journal, the same way while it is made and when its journal is read.
#[derive(Debug)]
pub struct Recording {
    run: Run,
    cells: HashSet<Cell>,
    /// Where the trial of a cell and a replicate stands in the run.
    places: HashMap<(Cell, u32), usize>,
}

impl Recording {
    /// A run of which nothing is measured yet.
    #[must_use]
    pub fn begin(header: Header) -> Self {
        Self::resume(Run::new(header))
    }

    /// A run that goes on.
    #[must_use]
    pub fn resume(run: Run) -> Self {
        let places = run.trials.iter().zip(0..);
        Self {
            cells: run.header.matrix.cells().iter().copied().collect(),
            places: places
                .map(|(trial, place)| ((trial.cell, trial.replicate), place))
                .collect(),
            run,
        }
    }

    /// Enters what a line says. A trial replaces an older one of the same cell and replicate, a ceiling an older one of
    /// the same kind.
    ///
    /// # Errors
    ///
    /// If the line does not belong to the run; the text says why.
    pub fn apply(&mut self, record: JournalLine) -> Result<(), String> {
        match record {
            JournalLine::Start(_) => return Err("a second run begins".to_owned()),
            JournalLine::Ceiling(ceiling) => {
                self.run.ceilings.retain(|old| old.kind != ceiling.kind);
                self.run.ceilings.push(ceiling);
            }
            JournalLine::Trial(trial) => self.enter(*trial)?,
            JournalLine::Resumed(at) => {
                self.run.resumed.push(at);
                self.run.end = None;
            }
            JournalLine::End(end) => self.run.end = Some(end),
        }
        Ok(())
    }

    fn enter(&mut self, trial: Trial) -> Result<(), String> {
        if !self.cells.contains(&trial.cell) {
            return Err(format!("the run has no cell {}", trial.cell));
        }
        if trial.replicate >= self.run.header.repeats {
            return Err(format!("the run has no replicate {}", trial.replicate));
        }
        let key = (trial.cell, trial.replicate);
        let place = *self.places.entry(key).or_insert(self.run.trials.len());
        match self.run.trials.get_mut(place) {
            Some(older) => *older = trial,
            None => self.run.trials.push(trial),
        }
        Ok(())
    }

    /// The run so far.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The run, when no more lines come.
    #[must_use]
    pub fn into_run(self) -> Run {
        self.run
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::CeilingKind;
    use crate::simulation::{self, SimulatedServer};

    fn journal() -> (Run, Vec<u8>) {
        let mut run = simulation::run(SimulatedServer::default(), 2, 11);
        run.trials.truncate(5);
        run.ceilings = vec![Ceiling {
            kind: CeilingKind::Tcp { streams: 5 },
            bytes_per_s: vec![4.1e9, 0.1 + 0.2],
        }];
        let mut text = JournalLine::Start(Box::new(run.header.clone())).to_line();
        for ceiling in &run.ceilings {
            text += &JournalLine::Ceiling(ceiling.clone()).to_line();
        }
        for trial in &run.trials {
            text += &JournalLine::Trial(Box::new(trial.clone())).to_line();
        }
        (run, text.into_bytes())
    }

    #[test]
    fn a_journal_is_read_back_as_the_run_that_was_written() {
        let (run, text) = journal();
        let read = Journal::read(&text).unwrap();
        assert_eq!(read.run, run);
        assert_eq!((read.whole_bytes, read.is_cut), (text.len(), false));
        assert_eq!(Run::from_json(&run.to_json()).unwrap(), run);
    }

    #[test]
    fn a_journal_cut_off_anywhere_is_read_up_to_its_last_whole_line() {
        let (run, text) = journal();
        let ends: Vec<usize> = (0..text.len())
            .filter(|&place| text[place] == b'\n')
            .map(|place| place + 1)
            .collect();
        for length in 0..text.len() {
            let whole = ends.iter().filter(|&&end| end <= length).count();
            match Journal::read(&text[..length]) {
                Err(JournalError::Empty) => assert_eq!(whole, 0),
                Ok(journal) => {
                    assert_eq!(journal.run.trials, run.trials[..whole.saturating_sub(2)]);
                    assert_eq!(journal.whole_bytes, ends[whole - 1]);
                    assert_eq!(journal.is_cut, journal.whole_bytes < length);
                }
                Err(error) => panic!("{length}: {error}"),
            }
        }
    }

    #[test]
    fn a_resumed_run_has_the_cells_that_are_missing_and_no_trial_twice() {
        let (mut run, text) = journal();
        let missing = run.missing();
        assert_eq!(missing.len() + 5, run.header.matrix.cells().len() * 2);
        let mut again = run.trials[2].clone();
        again.makespan_ns += 1;
        let appended = [
            JournalLine::Resumed(run.header.started),
            JournalLine::Trial(Box::new(again.clone())),
        ];
        let longer = [
            text,
            appended.map(|record| record.to_line().into_bytes()).concat(),
        ]
        .concat();
        run.trials[2] = again;
        run.resumed = vec![run.header.started];
        assert_eq!(Journal::read(&longer).unwrap().run, run);
    }

    #[test]
    fn a_run_grows_while_it_is_made_as_it_does_when_its_journal_is_read() {
        let (run, text) = journal();
        let mut recording = Recording::resume(Journal::read(&text).unwrap().run);
        let mut again = run.trials[1].clone();
        again.makespan_ns += 1;
        let mut longer = text;
        for record in [
            JournalLine::Resumed(run.header.started),
            JournalLine::Trial(Box::new(again)),
            JournalLine::Ceiling(Ceiling {
                kind: CeilingKind::MemoryCopy,
                bytes_per_s: vec![1e9],
            }),
        ] {
            longer.extend(record.to_line().into_bytes());
            recording.apply(record).unwrap();
        }
        assert_eq!(recording.run().trials.len(), run.trials.len());
        assert_eq!(*recording.run(), Journal::read(&longer).unwrap().run);
        let stranger = Trial {
            replicate: run.header.repeats,
            ..run.trials[0].clone()
        };
        assert!(recording.apply(JournalLine::Trial(Box::new(stranger))).is_err());
    }

    #[test]
    fn results_of_another_version_are_refused_by_their_version() {
        let (run, text) = journal();
        let text = String::from_utf8(text).unwrap();
        let other = text.replacen(
            "{\"start\":{\"format\":1",
            "{\"start\":{\"novel\":[],\"format\":7",
            1,
        );
        let error = Journal::read(other.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("format 7"), "{error}");
        let other = run.to_json().replacen("\"format\": 1", "\"format\": 7", 1);
        assert!(matches!(
            Run::from_json(&other),
            Err(RunError::OtherVersion { found: 7 })
        ));
    }

    #[test]
    fn results_that_contradict_themselves_are_refused() {
        let (run, text) = journal();
        let mut many = run.clone();
        many.header.repeats = u32::MAX;
        assert!(matches!(
            Run::from_json(&many.to_json()),
            Err(RunError::Contradiction { .. })
        ));
        let line = JournalLine::Start(Box::new(many.header)).to_line();
        assert!(matches!(
            Journal::read(line.as_bytes()),
            Err(JournalError::Run(_))
        ));
        let mut twice = run.clone();
        twice.trials.push(run.trials[0].clone());
        assert!(matches!(
            Run::from_json(&twice.to_json()),
            Err(RunError::Contradiction { .. })
        ));
        let mut stranger = run.trials[0].clone();
        stranger.cell.clients = 4_000_000_000;
        let longer = [
            text,
            JournalLine::Trial(Box::new(stranger)).to_line().into_bytes(),
        ]
        .concat();
        assert!(matches!(Journal::read(&longer), Err(JournalError::Line { .. })));
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_refused_by_its_number() {
        let (_, text) = journal();
        let mut lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
        lines[3] = b"{\"trial\":\n";
        let error = Journal::read(&lines.concat()).unwrap_err().to_string();
        assert!(error.starts_with("line 4 of the journal is damaged"), "{error}");
        lines.remove(3);
        let again = lines[0];
        lines.push(again);
        let error = Journal::read(&lines.concat()).unwrap_err().to_string();
        assert!(error.contains("a second run"), "{error}");
        assert!(matches!(Journal::read(b"# notes\n"), Err(JournalError::Run(_))));
    }

    proptest! {
        #[test]
        fn no_journal_makes_the_reader_panic(bytes: Vec<u8>, place in 0..2000_usize) {
            let _ = Journal::read(&bytes);
            let (_, mut text) = journal();
            let place = place % text.len();
            text.splice(place..place, bytes.iter().copied());
            let _ = Journal::read(&text);
        }
    }
}
