//! The stress lab: how pool kind and pool size of a server change what each client gets, measured over a full matrix.
//!
//! A server under test is a command line and an address, so that an older build or a server of another program can be
//! measured. A [`Plan`] lists the trials, [`run`](run()) makes them, [`resume`] goes on with an interrupted run. [`work`] is
//! the body of a client worker process, [`reap`] that of a reaper process, which clears up after a lab that was killed. The
//! results go into a journal and come back as a [`Run`](haul_results::Run); nothing here prints.
#![forbid(unsafe_code)]

mod ceilings;
mod client_pool;
mod clock;
mod command;
mod content;
mod descriptors;
mod environment;
mod error;
mod event;
mod interrupt;
mod job;
mod journal;
mod load;
mod machine;
mod marks;
mod memory;
mod names;
mod objects;
mod plan;
mod process;
mod reaper;
mod run;
mod scratch;
mod server_stats;
mod setup;
mod subject;
mod transfer;
mod trial;

pub use command::CommandLine;
pub use descriptors::{DescriptorError, allow_descriptors};
pub use error::LabError;
pub use event::Event;
pub use haul_client::{Address, AddressError};
pub use interrupt::Interrupt;
pub use job::WARM_UP_MAX;
pub use journal::{OpenError, read_journal};
pub use load::{LoadError, work};
pub use machine::binary;
pub use plan::Plan;
pub use reaper::{ReaperError, reap};
pub use run::{resume, run};
pub use scratch::{SPARE as SCRATCH_SPARE, ScratchDir, ScratchError, choose as choose_scratch};
pub use server_stats::pool_of;
pub use setup::{Setup, WaitLimits};
pub use subject::{ServerCommand, ServerCommandError, SubjectSpec};
