//! `haul put`: uploads files, folders and standard input.

mod place;
mod walk;

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use haul_client::{Address, Client, Code, Condition, Error, FileSource, Progress, SendOptions, Sent, Verify};

use super::batch::{self, CachedClients, ClientCache};
use super::console::{Console, TransferBar};
use super::existing::{ContentComparison, ExistingArgs, ExistingPolicy, Known};
use super::record::{Item, Moved};
use super::transfer::{OnceNotice, Transferred};
use super::{CommandOutcome, RemoteOptions};
use place::PutPlace;

/// What can be typed after `haul put`.
#[derive(Debug, clap::Args)]
pub(crate) struct PutArgs {
    /// Files, or - for standard input (kept in an unnamed temporary file first); haul://HOST:PORT/NAME as the last one
    /// says where to
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::AnyPath)]
    files: Vec<String>,
    /// Upload folders with all that is in them; a slash at the end means the folder's content
    #[arg(short, long)]
    recursive: bool,
    /// Where to: a name on the server; with a slash at its end, for several files or with -r, a folder
    #[arg(long, value_name = "NAME", value_hint = clap::ValueHint::Other)]
    to: Option<String>,
    /// Existing objects.
    #[command(flatten)]
    existing: ExistingArgs,
    /// Give objects the permissions that the files have; times are kept in any case
    #[arg(short, long)]
    preserve: bool,
    /// Read back and compare what a server without digests has stored
    #[arg(long)]
    verify: bool,
    /// Transfers at a time, 1 to 256
    #[arg(short, long, value_name = "COUNT", default_value_t = 4, value_parser = crate::value_parsers::jobs,
          value_hint = clap::ValueHint::Other)]
    jobs: u16,
}

/// One file to send.
struct PutJob {
    origin: Origin,
    name: String,
    /// As it was when it was found.
    size_bytes: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    File(PathBuf),
    Input,
}

/// What does not change from one transfer to the next.
struct Putting<'a> {
    console: &'a Console,
    address: Address,
    place: PutPlace,
    existing: ExistingPolicy,
    preserve: bool,
    /// That the server does not keep permissions.
    no_mode: OnceNotice,
}

/// Runs `haul put`.
pub(crate) fn run(args: PutArgs, options: &RemoteOptions) -> CommandOutcome {
    let console = Console::new("put", options);
    let (files, destination) = match place::destination(args.files, args.to, options) {
        Ok(both) => both,
        Err((subject, sentence)) => return console.usage(&subject, &sentence),
    };
    let several = args.recursive || files.len() > 1;
    let place = PutPlace::of(&destination, several);
    if files.iter().any(|file| file == "-") && (several || matches!(place, PutPlace::Folder(_))) {
        return console.usage(
            "-",
            "standard input goes alone and needs a name: haul put - --to NAME",
        );
    }
    let cache = ClientCache::new(haul_client::Options {
        verify: if args.verify { Verify::Ask } else { Verify::Digest },
        ..options.client_options()
    });
    let putting = Putting {
        console: &console,
        address: destination.address,
        place,
        existing: args.existing.into(),
        preserve: args.preserve,
        no_mode: OnceNotice::default(),
    };
    console.begin(several);
    let outcome = batch::run(
        usize::from(args.jobs),
        &cache,
        |queue| putting.find_all(&files, args.recursive, queue),
        |clients, job| putting.transfer(clients, &job),
        |job| console.not_tried(job.item(&job.subject())),
    );
    console.finish(outcome)
}

impl Putting<'_> {
    fn transfer(&self, clients: &mut CachedClients<'_>, job: &PutJob) -> CommandOutcome {
        let begun = Instant::now();
        let mut bar = self.console.bar(&job.name, job.size_bytes);
        let result = self.send(clients, job, &mut bar);
        drop(bar);
        let subject = job.subject();
        let item = job.item(&subject);
        self.console
            .transferred(&subject, item, result.map_err(Into::into), begun.elapsed())
    }

    fn send(
        &self,
        clients: &mut CachedClients<'_>,
        job: &PutJob,
        bar: &mut TransferBar<'_>,
    ) -> Result<Transferred, Error> {
        let (mut source, metadata) = match &job.origin {
            Origin::File(path) => {
                let source = FileSource::open(path).map_err(Error::Local)?;
                (source, Some(fs::metadata(path).map_err(Error::Local)?))
            }
            Origin::Input => (standard_input().map_err(Error::Local)?, None),
        };
        let client: &mut Client = clients.of(&self.address, bar)?;
        if self.is_there(client, job, metadata.as_ref(), bar)? {
            return Ok(Transferred::Skipped);
        }
        let options = SendOptions {
            condition: match self.existing {
                ExistingPolicy::Refuse | ExistingPolicy::Skip => Condition::Absent,
                ExistingPolicy::Replace | ExistingPolicy::Update | ExistingPolicy::Checksum => {
                    Condition::Always
                }
            },
            modified: metadata.as_ref().and_then(|metadata| metadata.modified().ok()),
            mode: metadata
                .as_ref()
                .filter(|_| self.preserve)
                .map(|metadata| metadata.permissions().mode() & 0o777),
        };
        match client.send(&job.name, &mut source, &options, bar) {
            Err(error) if self.existing == ExistingPolicy::Skip && error.code() == Some(Code::Exists) => {
                Ok(Transferred::Skipped)
            }
            Err(error) => Err(error),
            Ok(sent) => {
                self.say_of_mode(&options, &sent, job);
                Ok(Transferred::Moved(Moved {
                    bytes: sent.bytes,
                    resumed_bytes: 0,
                    verified: Some(sent.verified),
                }))
            }
        }
    }

    /// Whether the server has it already, as far as that was asked.
    fn is_there(
        &self,
        client: &mut Client,
        job: &PutJob,
        metadata: Option<&Metadata>,
        bar: &mut dyn Progress,
    ) -> Result<bool, Error> {
        if !matches!(
            self.existing,
            ExistingPolicy::Skip | ExistingPolicy::Update | ExistingPolicy::Checksum
        ) {
            return Ok(false);
        }
        let facts = match client.stat(&job.name, bar) {
            Ok(facts) => facts,
            Err(error) if error.is_not_found() => return Ok(false),
            Err(error) => return Err(error),
        };
        let (Origin::File(path), Some(metadata)) = (&job.origin, metadata) else {
            return Ok(self.existing == ExistingPolicy::Skip);
        };
        if self.existing == ExistingPolicy::Skip {
            return Ok(true);
        }
        let comparison = ContentComparison {
            existing: self.existing,
            client,
            name: &job.name,
            progress: bar,
        };
        comparison.finds_same(path, metadata, &Known::of(&facts))
    }

    /// Permissions that were to be kept and are not.
    fn say_of_mode(&self, options: &SendOptions, sent: &Sent, job: &PutJob) {
        if options.mode.is_some() && !sent.took_mode {
            let sentence = "its permissions are not kept: the server takes none";
            self.no_mode.give(self.console, &job.subject(), sentence);
        }
    }
}

impl PutJob {
    fn of_file(path: &Path, name: String, metadata: &Metadata) -> Self {
        Self {
            origin: Origin::File(path.to_owned()),
            name,
            size_bytes: Some(metadata.len()),
        }
    }

    fn subject(&self) -> String {
        match &self.origin {
            Origin::File(path) => path.to_string_lossy().into_owned(),
            Origin::Input => "-".to_owned(),
        }
    }

    fn item<'a>(&'a self, subject: &'a str) -> Item<'a> {
        Item {
            name: Some(&self.name),
            local: Some(subject),
        }
    }
}

/// Standard input from where it stands, if it is a regular file; a copy of all that it gives otherwise.
fn standard_input() -> io::Result<FileSource> {
    use std::os::fd::AsFd;
    let input = fs::File::from(io::stdin().as_fd().try_clone_to_owned()?);
    if input.metadata()?.is_file() {
        return FileSource::from_here(input);
    }
    FileSource::spooled(&mut &input)
}
