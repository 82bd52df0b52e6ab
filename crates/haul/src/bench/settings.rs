//! What was typed after `haul bench` becomes what is meant.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use haul_lab::{Address, CommandLine, ServerCommand, Setup, SubjectSpec, WaitLimits};
use haul_report::Lang;
use haul_results::{
    Baseline, ByteSize, Factor, Header, Journal, Levels, Matrix, MatrixError, PoolKind, PoolLevel,
    SubjectKind, Threshold,
};
use haul_types::Durability;
use jiff::Timestamp;

use super::args::{Args, LevelArgs, OutputArgs, SubjectArgs};

/// How long one measurement of a ceiling takes, by the content of a replicate from which on it is that long: ceilings
/// take seconds, which a run of minutes should have and a run of milliseconds should not.
const CEILING_SPANS: [(ByteSize, Duration); 3] = [
    (ByteSize::mib(16 * 1024), Duration::from_millis(200)),
    (ByteSize::mib(64), Duration::from_millis(80)),
    (ByteSize(0), Duration::from_millis(10)),
];

/// What was typed cannot be used; the text names the flag.
#[derive(Debug)]
pub(super) struct UsageError(pub(super) String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is meant.
#[derive(Debug)]
pub(super) struct Settings {
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
pub(super) fn settings(args: &Args, typed: Vec<String>, now: Timestamp) -> Result<Settings, UsageError> {
    let report = report(&args.output)?;
    let limits = limits(&args.subject)?;
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
        limits,
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
    Ok(Settings {
        setup,
        journal,
        report,
    })
}

/// A threshold about no cell could never be crossed: whoever typed it would take that for a success.
fn about_some_cell(thresholds: &[Threshold], matrix: &Matrix) -> Result<(), UsageError> {
    match thresholds.iter().find(|threshold| !threshold.applies_to(matrix)) {
        Some(threshold) => Err(UsageError(format!(
            "--fail-if: `{threshold}` is about no cell of this matrix"
        ))),
        None => Ok(()),
    }
}

fn ceiling_span(content: ByteSize) -> Duration {
    let span = CEILING_SPANS.iter().find(|(least, _)| content >= *least);
    span.expect("the last row holds for any content").1
}

/// Read before the run, so that a wrong threshold or baseline does not come to light after it.
fn report(args: &OutputArgs) -> Result<ReportSettings, UsageError> {
    let thresholds = args
        .fail_if
        .iter()
        .map(|text| flag::<Threshold>("--fail-if", text))
        .collect::<Result<_, _>>()?;
    let baseline = args
        .baseline
        .as_deref()
        .map(crate::report::read_baseline)
        .transpose();
    Ok(ReportSettings {
        lang: flag("--lang", &args.lang)?,
        baseline: baseline.map_err(|error| UsageError(format!("--baseline: {error:#}")))?,
        thresholds,
    })
}

fn fresh(base: Setup, args: &Args, now: Timestamp) -> Result<Setup, UsageError> {
    let subject = subject(&args.subject)?;
    let folder = args.output.out.clone();
    Ok(Setup {
        matrix: matrix(args, &subject)?,
        repeats: args.repeats.as_deref().map_or(Ok(Header::REPEATS), repeats)?,
        seed: match &args.seed {
            Some(text) => flag("--seed", text)?,
            None => u64::try_from(now.as_nanosecond() & 0xffff_ffff).unwrap_or(0),
        },
        subject,
        folder: folder
            .unwrap_or_else(|| Path::new("haul-results").join(now.strftime("%Y%m%dT%H%M%SZ").to_string())),
        ..base
    })
}

fn continued(base: Setup, folder: &Path) -> Result<(Setup, Option<Journal>), UsageError> {
    let journal = haul_lab::read_journal(folder).map_err(|error| UsageError(error.to_string()))?;
    let header = &journal.run.header;
    let subject = match header.subject.kind {
        SubjectKind::Own => own(header.subject.durability.known().unwrap_or(Durability::Buffered)),
        SubjectKind::Command => SubjectSpec::Command(flag("--resume", &header.subject.command)?),
        SubjectKind::Target => SubjectSpec::Target(flag("--resume", &header.subject.command)?),
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

fn subject(args: &SubjectArgs) -> Result<SubjectSpec, UsageError> {
    match (&args.server_command, &args.target) {
        (Some(text), _) => Ok(SubjectSpec::Command(flag::<ServerCommand>(
            "--server-command",
            text,
        )?)),
        (None, Some(text)) => Ok(SubjectSpec::Target(flag::<Address>("--target", text)?)),
        (None, None) => {
            let durability = args.durability.as_deref().unwrap_or("buffered");
            Ok(own(flag("--durability", durability)?))
        }
    }
}

fn matrix(args: &Args, subject: &SubjectSpec) -> Result<Matrix, UsageError> {
    let base = if args.quick {
        Levels::quick()
    } else {
        Levels::default()
    };
    let base = suited(base, &args.levels, subject)?;
    let typed = levels(&args.levels, base)?;
    let typed = match args.scale.as_deref() {
        None => typed,
        Some(factor) => {
            let factor: Factor = flag("--scale", factor)?;
            let scaled = typed.scale(factor);
            scaled.ok_or_else(|| {
                UsageError(format!(
                    "--scale: {factor} cannot be varied where --pools names it"
                ))
            })?
        }
    };
    let matrix = Matrix::new(typed).map_err(|error| matrix_error(&error))?;
    let pools: std::collections::HashSet<_> = matrix.cells().iter().map(|cell| cell.pool).collect();
    if matches!(subject, SubjectSpec::Target(_)) && pools.len() > 1 {
        let problem = "--pools: a server that runs already has one pool; name it, like --pools threads:50";
        return Err(UsageError(problem.to_owned()));
    }
    Ok(matrix)
}

/// The default levels of the pool, for a server that is not ours: only what makes a difference to it.
fn suited(mut base: Levels, typed: &LevelArgs, subject: &SubjectSpec) -> Result<Levels, UsageError> {
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
                UsageError(format!(
                    "--target: {address} does not say its pool; name it, like --pools threads:50"
                ))
            })?;
            base.pools = vec![PoolLevel::Fixed(pool)];
            base.workers = Vec::new();
        }
        SubjectSpec::Target(_) => base.workers = Vec::new(),
    }
    Ok(base)
}

fn levels(typed: &LevelArgs, base: Levels) -> Result<Levels, UsageError> {
    Ok(Levels {
        operations: list("--operations", typed.operations.as_deref(), base.operations)?,
        volumes: list("--volumes", typed.volumes.as_deref(), base.volumes)?,
        clients: list("--clients", typed.clients.as_deref(), base.clients)?,
        workers: list("--workers", typed.workers.as_deref(), base.workers)?,
        pools: list("--pools", typed.pools.as_deref(), base.pools)?,
        client_pools: list("--client-pools", typed.client_pools.as_deref(), base.client_pools)?,
        buffers: list::<ByteSize>("--buffers", typed.buffers.as_deref(), base.buffers)?,
        dialects: list("--dialect", typed.dialect.as_deref(), base.dialects)?,
    })
}

fn matrix_error(error: &MatrixError) -> UsageError {
    UsageError(match error.factor() {
        Some(Factor::Dialects) => error.to_string().replacen("dialects", "--dialect", 1),
        Some(_) => format!("--{error}"),
        None => format!("--volumes, --clients, --workers, …: {error}; give fewer levels"),
    })
}

/// A list, or what stands for it where nothing was typed. An empty text is an empty list.
fn list<T: FromStr<Err: std::fmt::Display>>(
    name: &str,
    typed: Option<&str>,
    default: Vec<T>,
) -> Result<Vec<T>, UsageError> {
    match typed.map(str::trim) {
        None => Ok(default),
        Some("") => Ok(Vec::new()),
        Some(text) => text.split(',').map(|level| flag(name, level.trim())).collect(),
    }
}

fn flag<T: FromStr<Err: std::fmt::Display>>(name: &str, text: &str) -> Result<T, UsageError> {
    text.parse().map_err(|error| {
        let error: T::Err = error;
        let mut said = error.to_string();
        // The standard library's words for numbers, which name neither the value nor the cure.
        if said.ends_with("in string") || said.starts_with("number too") {
            said = format!("`{text}` is not a number that this takes; write one such as 1 or 50");
        }
        // The errors of numbers do not say what was typed.
        let quoted = if said.contains(text) {
            String::new()
        } else {
            format!("`{text}`: ")
        };
        UsageError(format!("{name}: {quoted}{said}"))
    })
}

fn repeats(text: &str) -> Result<u32, UsageError> {
    let count: u32 = flag("--repeats", text)?;
    match count {
        1..=Header::REPEATS_MAX => Ok(count),
        _ => Err(UsageError(format!(
            "--repeats: {count} is not from 1 to {}",
            Header::REPEATS_MAX
        ))),
    }
}

fn limits(args: &SubjectArgs) -> Result<WaitLimits, UsageError> {
    let default = WaitLimits::default();
    Ok(WaitLimits {
        start: span("--start-timeout", args.start_timeout.as_deref(), default.start)?,
        stall: span("--stall-timeout", args.stall_timeout.as_deref(), default.stall)?,
        trial: span("--deadline", args.deadline.as_deref(), default.trial)?,
    })
}

fn span(name: &str, typed: Option<&str>, default: Duration) -> Result<Duration, UsageError> {
    let Some(text) = typed else { return Ok(default) };
    let span = haul_types::duration(text).map_err(|error| UsageError(format!("{name}: {error}")))?;
    if span.is_zero() {
        return Err(UsageError(format!("{name}: it must be longer than nothing")));
    }
    Ok(span)
}
