//! A program with its arguments, as plain data.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// How a program is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The program: a path, or a name that is looked up in `PATH`.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl CommandLine {
    /// A program with arguments.
    pub fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
        }
    }

    /// Ready to be started: in a process group of its own, so that Ctrl-C in a terminal reaches the lab alone, which then
    /// ends its children in order; and without settings of our own programs, which would change what is measured.
    pub(crate) fn prepare(&self) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .process_group(0)
            .stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"HAUL_") {
                command.env_remove(name);
            }
        }
        command
    }
}
