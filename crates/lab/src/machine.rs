//! Facts of the machine and of the programs that take part.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use haul_results::{Binary, ByteSize, Machine, Scratch};

use crate::command::CommandLine;

/// The machine, as the system describes it.
pub(crate) fn machine(scratch: Scratch) -> Machine {
    let system = rustix::system::uname();
    let kernel = [system.sysname(), system.release(), system.machine()]
        .map(|part| part.to_string_lossy().into_owned());
    Machine {
        processor: processor().unwrap_or_else(|| "unknown".to_owned()),
        cores: std::thread::available_parallelism()
            .map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX)),
        memory: memory_line("MemTotal:").unwrap_or_default(),
        kernel: kernel.join(" "),
        scratch,
    }
}

fn processor() -> Option<String> {
    let facts = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = facts.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// A line of /proc/meminfo.
pub(crate) fn memory_line(name: &str) -> Option<ByteSize> {
    let facts = fs::read_to_string("/proc/meminfo").ok()?;
    let line = facts.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(ByteSize::kib(kibibytes))
}

/// The averages of the load over 1, 5 and 15 minutes.
pub(crate) fn load() -> Option<[f64; 3]> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let mut averages = text
        .split_ascii_whitespace()
        .map(|average| average.parse::<f64>().ok());
    Some([averages.next()??, averages.next()??, averages.next()??])
}

/// The record of a program: its name, its version where it says one, and the digest of its file if that can be read.
#[must_use]
pub fn binary(name: &str, version: Option<String>, file: &Path) -> Binary {
    Binary {
        name: name.to_owned(),
        version,
        digest: digest(file).ok(),
    }
}

/// The program of a command, and every argument that is a file: the script of an interpreter for example.
pub(crate) fn binaries_of(command: &CommandLine) -> Vec<Binary> {
    let program =
        locate(&command.program).map(|file| binary(&command.program.display().to_string(), None, &file));
    let files = command
        .arguments
        .iter()
        .map(Path::new)
        .filter(|path| path.is_file());
    let files = files.map(|path| binary(&path.display().to_string(), None, path));
    program.into_iter().chain(files).collect()
}

/// Where a program lies: a path, or a name that is looked up in `PATH`.
pub(crate) fn locate(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_owned());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn digest(file: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut File::open(file)?, &mut hasher)?;
    Ok(hasher.finalize().to_hex().to_string())
}
