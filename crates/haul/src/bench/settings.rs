//! What was typed after `haul bench` becomes what is meant.

use std::path::{Path, PathBuf};
use std::time::Duration;

use haul_lab::{CommandLine, Setup, SubjectSpec, WaitLimits};
use haul_report::Lang;
use haul_results::{
    Baseline, ByteSize, Factor, Header, Journal, Levels, Matrix, MatrixError, PoolKind, PoolLevel,
    SubjectKind, Threshold,
};
use haul_types::Durability;
use jiff::Timestamp;

use super::args::{BenchArgs, LevelArgs, OutputArgs, SubjectArgs};
use crate::settings::SettingError;
use crate::value_parsers::{LevelList, parsed};

/// How long one measurement of a ceiling takes, by the content of a replicate from which on it is that long: ceilings
/// take seconds, which a run of minutes should have and a run of milliseconds should not.
const CEILING_SPANS: [(ByteSize, Duration); 3] = [
    (ByteSize::mib(16 * 1024), Duration::from_millis(200)),
    (ByteSize::mib(64), Duration::from_millis(80)),
    (ByteSize(0), Duration::from_millis(10)),
];

/// What is meant.
#[derive(Debug)]
pub(super) struct BenchSettings {
    pub(super) setup: Setup,
    /// The run that is continued.
    pub(super) journal: Option<Journal>,
    /// How the report is made.
    pub(super) report: ReportSettings,
}

/// What the report shows of the run, beside the run itself.
#[derive(Debug)]
pub(super) struct ReportSettings {
    pub(super) lang: Lang,
    pub(super) baseline: Option<Baseline>,
    pub(super) thresholds: Vec<Threshold>,
}

/// Reads the flags. `now` is for the name of the folder and a new seed; `typed` is the command line for the record.
pub(super) fn settings(
    args: &BenchArgs,
    typed: Vec<String>,
    now: Timestamp,
) -> Result<BenchSettings, SettingError> {
    let report = report(&args.output)?;
    let base = Setup {
        matrix: Matrix::default(),
        repeats: Header::REPEATS,
        seed: 0,
        subject: own(Durability::Buffered),
        clients: CommandLine::new(own_program(), ["client-worker"]),
        reaper: CommandLine::new(own_program(), [super::REAPER]),
        program: haul_lab::binary("haul", Some(env!("CARGO_PKG_VERSION").to_owned()), &own_program()),
        arguments: typed,
        scratch: args.output.scratch.clone(),
        folder: PathBuf::new(),
        limits: limits(&args.subject),
        ceiling_span: Duration::ZERO,
    };
    let (setup, journal) = match &args.output.resume {
        Some(folder) => continued(base, folder)?,
        None => (fresh(base, args, now)?, None),
    };
    let setup = Setup {
        ceiling_span: ceiling_span(setup.matrix.content()),
        ..setup
    };
    about_some_cell(&report.thresholds, &setup.matrix)?;
    Ok(BenchSettings {
        setup,
        journal,
        report,
    })
}

/// A threshold about no cell could never be crossed, which would look like a success.
fn about_some_cell(thresholds: &[Threshold], matrix: &Matrix) -> Result<(), SettingError> {
    match thresholds.iter().find(|threshold| !threshold.applies_to(matrix)) {
        Some(threshold) => Err(SettingError::flag(
            "fail-if",
            format!("`{threshold}` is about no cell of this matrix"),
        )),
        None => Ok(()),
    }
}

fn ceiling_span(content: ByteSize) -> Duration {
    let span = CEILING_SPANS.iter().find(|(least, _)| content >= *least);
    span.expect("the last row holds for any content").1
}

/// Read before the run, so that a wrong threshold or baseline does not come to light after it.
fn report(args: &OutputArgs) -> Result<ReportSettings, SettingError> {
    let baseline = args
        .baseline
        .as_deref()
        .map(crate::report::read_baseline)
        .transpose();
    Ok(ReportSettings {
        lang: args.lang,
        baseline: baseline.map_err(|error| SettingError::flag("baseline", format!("{error:#}")))?,
        thresholds: args.fail_if.clone(),
    })
}

fn fresh(base: Setup, args: &BenchArgs, now: Timestamp) -> Result<Setup, SettingError> {
    let subject = subject(&args.subject);
    let folder = args.output.out.clone();
    Ok(Setup {
        matrix: matrix(args, &subject)?,
        repeats: args.repeats.unwrap_or(Header::REPEATS),
        seed: args
            .seed
            .unwrap_or_else(|| u64::try_from(now.as_nanosecond() & 0xffff_ffff).unwrap_or(0)),
        subject,
        folder: folder
            .unwrap_or_else(|| Path::new("haul-results").join(now.strftime("%Y%m%dT%H%M%SZ").to_string())),
        ..base
    })
}

fn continued(base: Setup, folder: &Path) -> Result<(Setup, Option<Journal>), SettingError> {
    let journal = haul_lab::read_journal(folder).map_err(resumed)?;
    let header = &journal.run.header;
    let subject = match header.subject.kind {
        SubjectKind::Own => own(header.subject.durability.known().unwrap_or(Durability::Buffered)),
        SubjectKind::Command => SubjectSpec::Command(parsed(&header.subject.command).map_err(resumed)?),
        SubjectKind::Target => SubjectSpec::Target(parsed(&header.subject.command).map_err(resumed)?),
    };
    let setup = Setup {
        matrix: header.matrix.clone(),
        repeats: header.repeats,
        seed: header.seed,
        subject,
        folder: folder.to_owned(),
        ..base
    };
    Ok((setup, Some(journal)))
}

/// The same binary, even where its file was replaced since.
fn own_program() -> PathBuf {
    PathBuf::from("/proc/self/exe")
}

fn own(durability: Durability) -> SubjectSpec {
    SubjectSpec::Own {
        program: own_program(),
        durability,
    }
}

fn subject(args: &SubjectArgs) -> SubjectSpec {
    match (&args.server_command, &args.target) {
        (Some(command), _) => SubjectSpec::Command(command.clone()),
        (None, Some(address)) => SubjectSpec::Target(address.clone()),
        (None, None) => own(args.durability.unwrap_or(Durability::Buffered)),
    }
}

fn matrix(args: &BenchArgs, subject: &SubjectSpec) -> Result<Matrix, SettingError> {
    let base = if args.quick {
        Levels::quick()
    } else {
        Levels::default()
    };
    let base = suited(base, &args.levels, subject)?;
    let mut levels = levels(&args.levels, base);
    if let Some(factor) = args.scale {
        let problem = format!("{factor} cannot be varied where --pools names it");
        levels = levels
            .scale(factor)
            .ok_or_else(|| SettingError::flag("scale", problem))?;
    }
    let matrix = Matrix::new(levels).map_err(|error| matrix_error(&error))?;
    let pools: std::collections::HashSet<_> = matrix.cells().iter().map(|cell| cell.pool).collect();
    if matches!(subject, SubjectSpec::Target(_)) && pools.len() > 1 {
        let problem = "a server that runs already has one pool; name it, like --pools threads:50";
        return Err(SettingError::flag("pools", problem));
    }
    Ok(matrix)
}

/// The default levels of the pool, for a server that is not ours: only what makes a difference to it.
fn suited(mut base: Levels, typed: &LevelArgs, subject: &SubjectSpec) -> Result<Levels, SettingError> {
    match subject {
        SubjectSpec::Own { .. } => {}
        SubjectSpec::Command(command) => {
            if !command.names_pool() {
                base.pools = vec![PoolLevel::Kind(PoolKind::Threads)];
            }
            if !command.names_workers() {
                base.workers = vec![1];
            }
        }
        SubjectSpec::Target(address) if typed.pools.is_none() => {
            let pool = haul_lab::pool_of(address).ok_or_else(|| {
                let problem = format!("{address} does not say its pool; name it, like --pools threads:50");
                SettingError::flag("target", problem)
            })?;
            base.pools = vec![PoolLevel::Fixed(pool)];
            base.workers = Vec::new();
        }
        SubjectSpec::Target(_) => base.workers = Vec::new(),
    }
    Ok(base)
}

fn levels(typed: &LevelArgs, base: Levels) -> Levels {
    Levels {
        operations: typed_or(&typed.operations, base.operations),
        volumes: typed_or(&typed.volumes, base.volumes),
        clients: typed_or(&typed.clients, base.clients),
        workers: typed_or(&typed.workers, base.workers),
        pools: typed_or(&typed.pools, base.pools),
        client_pools: typed_or(&typed.client_pools, base.client_pools),
        buffers: typed_or(&typed.buffers, base.buffers),
        dialects: typed_or(&typed.dialect, base.dialects),
    }
}

fn typed_or<T: Clone>(typed: &Option<LevelList<T>>, default: Vec<T>) -> Vec<T> {
    typed.as_ref().map_or(default, |LevelList(levels)| levels.clone())
}

/// The name of a factor is that of its flag, but for the dialect.
fn matrix_error(error: &MatrixError) -> SettingError {
    let Some(factor) = error.factor() else {
        return SettingError::flag(
            "volumes, --clients, --workers, …",
            format!("{error}; give fewer levels"),
        );
    };
    let flag = match factor {
        Factor::Dialects => "dialect",
        _ => factor.as_str(),
    };
    let text = error.to_string();
    let problem = text.strip_prefix(factor.as_str()).unwrap_or(&text);
    SettingError::flag(flag, problem.trim_start_matches([':', ' ']))
}

/// What is wrong with the run that is to be continued.
fn resumed(error: impl std::fmt::Display) -> SettingError {
    SettingError::flag("resume", error.to_string())
}

fn limits(args: &SubjectArgs) -> WaitLimits {
    let default = WaitLimits::default();
    WaitLimits {
        start: args.start_timeout.unwrap_or(default.start),
        stall: args.stall_timeout.unwrap_or(default.stall),
        trial: args.deadline.unwrap_or(default.trial),
    }
}
