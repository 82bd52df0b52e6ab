//! `haul get`: downloads objects and folders.

mod find;
mod place;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use haul_client::{
    Address, Client, Code, Dialect, Error, Fetched, PartFile, Progress, StreamTarget, Target, Verify, landing,
};

use super::batch::{self, CachedClients, ClientCache};
use super::console::{Console, TransferBar};
use super::existing::{ContentComparison, ExistingArgs, ExistingPolicy, Known};
use super::operand::RemoteOperand;
use super::record::{Item, Moved};
use super::transfer::{OnceNotice, TransferFailure, Transferred};
use super::{CommandOutcome, RemoteOptions, advice};
use place::GetPlace;

/// What can be typed after `haul get`.
#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// Objects: names on the server, or haul://HOST:PORT/NAME
    #[arg(required = true, value_name = "NAME", value_hint = clap::ValueHint::Other)]
    names: Vec<String>,
    /// Download folders with all that is in them; `.` is everything, and a slash at the end means the folder's content
    #[arg(short, long)]
    recursive: bool,
    /// Where to: a file, a folder (one that exists, or with a slash at its end), or - for standard output
    #[arg(short, long, value_name = "FILE|DIR|-", value_hint = clap::ValueHint::AnyPath)]
    output: Option<PathBuf>,
    /// Existing files.
    #[command(flatten)]
    existing: ExistingArgs,
    /// Give files the permissions that the objects have; times are kept in any case
    #[arg(short, long)]
    preserve: bool,
    /// Have the server compute a digest that it does not have, and compare
    #[arg(long, conflicts_with = "no_verify")]
    verify: bool,
    /// Do not compare the content with the server's digest
    #[arg(long)]
    no_verify: bool,
    /// Transfers at a time, 1 to 256
    #[arg(short, long, value_name = "COUNT", default_value_t = 4, value_parser = crate::value_parsers::jobs,
          value_hint = clap::ValueHint::Other)]
    jobs: u16,
}

impl GetArgs {
    /// The arguments of `haul get NAME… -o -`.
    pub(crate) fn to_standard_output(names: Vec<String>) -> Self {
        Self {
            names,
            recursive: false,
            output: Some("-".into()),
            existing: ExistingArgs::default(),
            preserve: false,
            verify: false,
            no_verify: false,
            jobs: 1,
        }
    }
}

/// One object to fetch.
struct GetJob {
    address: Address,
    name: String,
    target: LocalTarget,
    /// What the listing of its folder said, if it was found there.
    known: Option<Known>,
}

enum LocalTarget {
    /// A file at this name beneath the folder; the name comes from the server.
    Beneath {
        folder: PathBuf,
        name: String,
    },
    File(PathBuf),
    Device(PathBuf),
    Output,
}

/// What does not change from one transfer to the next.
struct Getting<'a> {
    console: &'a Console,
    place: GetPlace,
    existing: ExistingPolicy,
    preserve: bool,
    recursive: bool,
    /// That permissions are not known.
    no_mode: OnceNotice,
}

/// Runs `haul get`.
pub(crate) fn run(args: &GetArgs, options: &RemoteOptions) -> CommandOutcome {
    let console = Console::new("get", options);
    let several = args.recursive || args.names.len() > 1;
    let place = match GetPlace::of(args.output.as_deref(), args.names.len() > 1, args.recursive) {
        Ok(place) => place,
        Err(sentence) => return console.usage("-o", &sentence),
    };
    if let Some(sentence) = place.contradiction(several, args.recursive, options.json) {
        return console.usage("-o", sentence);
    }
    let remotes = match RemoteOperand::parse_all(&args.names, &options.server) {
        Ok(remotes) => remotes,
        Err((name, sentence)) => return console.usage(&name, &sentence),
    };
    let cache = ClientCache::new(haul_client::Options {
        verify: match (args.verify, args.no_verify) {
            (true, _) => Verify::Ask,
            (false, true) => Verify::Length,
            (false, false) => Verify::Digest,
        },
        ..options.client_options()
    });
    let workers = if place == GetPlace::Output {
        1
    } else {
        usize::from(args.jobs)
    };
    let getting = Getting {
        console: &console,
        place,
        existing: args.existing.into(),
        preserve: args.preserve,
        recursive: args.recursive,
        no_mode: OnceNotice::default(),
    };
    console.begin(several);
    let outcome = batch::run(
        workers,
        &cache,
        |queue| getting.find_all(&cache, &remotes, queue),
        |clients, job| getting.transfer(clients, &job),
        |job| console.not_tried(Item::object(&job.name)),
    );
    console.finish(outcome)
}

impl Getting<'_> {
    fn transfer(&self, clients: &mut CachedClients<'_>, job: &GetJob) -> CommandOutcome {
        let begun = Instant::now();
        let mut bar = self
            .console
            .bar(&job.name, job.known.as_ref().map(|known| known.size_bytes));
        let path = self.local_path(job);
        let result = match path {
            Ok(ref path) => self.fetch(clients, job, path.as_deref(), &mut bar),
            Err(ref cause) => Err(Error::Local(io::Error::new(cause.kind(), cause.to_string())).into()),
        };
        drop(bar);
        let local = path
            .ok()
            .flatten()
            .map(|path| path.to_string_lossy().into_owned());
        let item = Item {
            name: Some(&job.name),
            local: local.as_deref(),
        };
        let result = result.map_err(|failure| TransferFailure {
            error: self.in_this_dialect(clients, job, failure.error),
            ..failure
        });
        self.console.transferred(&job.name, item, result, begun.elapsed())
    }

    /// The file that an object becomes, with its folders made; `None` if it goes straight into something else.
    fn local_path(&self, job: &GetJob) -> io::Result<Option<PathBuf>> {
        match &job.target {
            LocalTarget::Beneath { folder, name } => landing::beneath(folder, name).map(Some),
            LocalTarget::File(path) => Ok(Some(path.clone())),
            LocalTarget::Device(_) | LocalTarget::Output => Ok(None),
        }
    }

    fn fetch(
        &self,
        clients: &mut CachedClients<'_>,
        job: &GetJob,
        path: Option<&Path>,
        bar: &mut TransferBar<'_>,
    ) -> Result<Transferred, TransferFailure> {
        match (path, &job.target) {
            (Some(path), _) => self.fetch_file(clients, job, path, bar),
            // What is wrong on this side is said without asking the server.
            (None, LocalTarget::Device(path)) => {
                let device = OpenOptions::new().write(true).open(path);
                let device = device.map_err(|cause| advice::unwritable(path, &cause))?;
                fetch_into(clients, job, &mut StreamTarget::new(device), bar)
            }
            (None, _) => {
                let output = standard_output().map_err(Error::Local)?;
                fetch_into(clients, job, &mut StreamTarget::new(output), bar)
            }
        }
    }

    fn fetch_file(
        &self,
        clients: &mut CachedClients<'_>,
        job: &GetJob,
        path: &Path,
        bar: &mut TransferBar<'_>,
    ) -> Result<Transferred, TransferFailure> {
        if self.is_here(clients, job, path, bar)? {
            return Ok(Transferred::Skipped);
        }
        let keep = match self.existing {
            ExistingPolicy::Refuse | ExistingPolicy::Skip => haul_client::Existing::Keep,
            ExistingPolicy::Replace | ExistingPolicy::Update | ExistingPolicy::Checksum => {
                haul_client::Existing::Replace
            }
        };
        let unwritable = |cause: io::Error| advice::unwritable(path, &cause);
        let mut part = PartFile::new(path, keep, &job.address, &job.name).map_err(unwritable)?;
        bar.keeps();
        let fetched = clients
            .of(&job.address, bar)
            .and_then(|client| client.fetch(&job.name, &mut part, bar));
        let fetched = fetched.map_err(|error| TransferFailure {
            kept_bytes: part.held().map_or(0, |held| held.bytes),
            error,
        })?;
        self.keep_facts(&part, &job.name, &fetched);
        match part.publish() {
            Err(cause)
                if cause.kind() == io::ErrorKind::AlreadyExists && self.existing == ExistingPolicy::Skip =>
            {
                Ok(Transferred::Skipped)
            }
            Err(cause) => Err(unwritable(cause).into()),
            Ok(()) => Ok(moved(&fetched)),
        }
    }

    /// Whether the object is here already, as far as that was asked.
    fn is_here(
        &self,
        clients: &mut CachedClients<'_>,
        job: &GetJob,
        path: &Path,
        bar: &mut dyn Progress,
    ) -> Result<bool, Error> {
        let Ok(metadata) = fs::symlink_metadata(path) else {
            return Ok(false);
        };
        match self.existing {
            ExistingPolicy::Skip => Ok(true),
            ExistingPolicy::Update | ExistingPolicy::Checksum if metadata.is_file() => {
                let client = clients.of(&job.address, bar)?;
                let known = match &job.known {
                    Some(known) => known.clone(),
                    None => Known::of(&client.stat(&job.name, bar)?),
                };
                let comparison = ContentComparison {
                    existing: self.existing,
                    client,
                    name: &job.name,
                    progress: bar,
                };
                comparison.finds_same(path, &metadata, &known)
            }
            _ => Ok(false),
        }
    }

    /// Gives the file the object's time and, if that was asked, its permissions. A file that cannot take them is whole
    /// nevertheless.
    fn keep_facts(&self, part: &PartFile, name: &str, fetched: &Fetched) {
        let mode = fetched.mode.filter(|_| self.preserve);
        if let Err(cause) = part.keep_facts(fetched.modified, mode) {
            let sentence = format!("its time or permissions could not be kept: {cause}");
            self.console.notice(name, &sentence);
        }
        if self.preserve && fetched.mode.is_none() {
            let sentence = "its permissions are not kept: the server does not tell them";
            self.no_mode.give(self.console, name, sentence);
        }
    }

    /// A folder that was asked for as one is none for a server that knows no folders.
    fn in_this_dialect(&self, clients: &mut CachedClients<'_>, job: &GetJob, error: Error) -> Error {
        let is_classic = |client: &mut Client| {
            client
                .dialect(&mut ())
                .is_ok_and(|dialect| dialect == Dialect::Classic)
        };
        if self.recursive
            && error.code() == Some(Code::IsADirectory)
            && clients.of(&job.address, &mut ()).is_ok_and(is_classic)
        {
            return Error::Unsupported(
                "it is a folder, and the classic verbs have no folders: use --dialect auto, or name the objects in it",
            );
        }
        error
    }
}

fn fetch_into(
    clients: &mut CachedClients<'_>,
    job: &GetJob,
    target: &mut dyn Target,
    bar: &mut dyn Progress,
) -> Result<Transferred, TransferFailure> {
    let client = clients.of(&job.address, bar)?;
    Ok(moved(&client.fetch(&job.name, target, bar)?))
}

fn moved(fetched: &Fetched) -> Transferred {
    Transferred::Moved(Moved {
        bytes: fetched.bytes,
        resumed_bytes: fetched.resumed_bytes,
        verified: Some(fetched.verified),
    })
}

/// Standard output as a file: the standard library's own would search each piece for line ends.
fn standard_output() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}
