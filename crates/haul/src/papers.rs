//! Completion scripts and manual pages, made from the tree of subcommands.

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;

/// The completion script of `shell`.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "haul", &mut script);
    script
}

/// The manual pages in roff, one after another: `haul`, then each subcommand; or that of `subcommand` alone.
pub(crate) fn manual(subcommand: Option<&str>) -> anyhow::Result<Vec<u8>> {
    let mut tree = Cli::command();
    tree.build();
    if let Some(name) = subcommand {
        let command = tree
            .find_subcommand(name)
            .filter(|command| !command.is_hide_set());
        return page(command.with_context(|| format!("man: there is no subcommand `{name}`"))?);
    }
    let mut pages = page(&tree)?;
    for command in tree.get_subcommands().filter(|command| !command.is_hide_set()) {
        pages.extend(page(command)?);
    }
    Ok(pages)
}

fn page(command: &clap::Command) -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone())
        .render(&mut page)
        .context("cannot write a manual page")?;
    Ok(page)
}
