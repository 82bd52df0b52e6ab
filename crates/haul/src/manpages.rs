//! Manual pages in roff, made from the tree of subcommands and their guides.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use crate::cli;
use crate::help::{self, Guide};

/// What man prints at the foot of each page.
const SOURCE: &str = concat!("haul ", env!("CARGO_PKG_VERSION"));

/// One manual page.
pub(crate) struct ManPage {
    /// `haul` or `haul-get`.
    pub(crate) name: String,
    /// Roff.
    pub(crate) text: Vec<u8>,
}

/// All manual pages, that of `haul` first; or that of `subcommand` alone.
pub(crate) fn pages(subcommand: Option<&str>) -> anyhow::Result<Vec<ManPage>> {
    let mut tree = cli::tree();
    tree.build();
    let visible = tree
        .get_subcommands()
        .filter(|command| cli::DOCUMENTED.contains(&command.get_name()));
    let commands: Vec<&Command> = match subcommand {
        Some(name) => visible.filter(|command| command.get_name() == name).collect(),
        None => std::iter::once(&tree).chain(visible).collect(),
    };
    commands.into_iter().map(page).collect()
}

/// Writes `haul.1`, `haul-get.1`, … into a folder, which is made if need be.
pub(crate) fn write(pages: &[ManPage], folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("man: cannot make the folder `{}`", folder.display()))?;
    for page in pages {
        let path = folder.join(format!("{}.1", page.name));
        fs::write(&path, &page.text).with_context(|| format!("man: cannot write `{}`", path.display()))?;
    }
    Ok(())
}

fn page(command: &Command) -> anyhow::Result<ManPage> {
    let own_name = command.get_name();
    let is_whole = own_name == cli::NAME;
    let name = if is_whole {
        own_name.to_owned()
    } else {
        format!("{}-{own_name}", cli::NAME)
    };
    let man = Man::new(command.clone())
        .title(&name)
        .source(SOURCE)
        .manual("User Commands");
    let mut text = Vec::new();
    let written = (|| {
        man.render_title(&mut text)?;
        man.render_name_section(&mut text)?;
        synopsis(command).to_writer(&mut text)?;
        man.render_description_section(&mut text)?;
        man.render_options_section(&mut text)?;
        if is_whole {
            commands(command).to_writer(&mut text)?;
        }
        let guide = help::guide(if is_whole { "" } else { own_name });
        guide.map_or(Ok(()), |guide| sections(guide, command).to_writer(&mut text))
    })();
    written.context("man: cannot write a manual page")?;
    Ok(ManPage { name, text })
}

/// As `--help` has it. The synopsis of clap_mangen leaves out the values of options.
fn synopsis(command: &Command) -> Roff {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([roman(usage)]);
    roff
}

fn commands(tree: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    let documented = |command: &&Command| cli::DOCUMENTED.contains(&command.get_name());
    for command in tree.get_subcommands().filter(documented) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        entry(
            &mut roff,
            &format!("{}-{}(1)", cli::NAME, command.get_name()),
            &about,
        );
    }
    roff
}

fn sections(guide: &Guide, command: &Command) -> Roff {
    let mut roff = Roff::new();
    if !guide.notes.is_empty() {
        roff.control("SH", ["NOTES"]);
        for (number, note) in guide.notes.iter().enumerate() {
            if number > 0 {
                roff.control("PP", []);
            }
            roff.text([roman(*note)]);
        }
    }
    for (title, rows) in [
        ("EXAMPLES", guide.examples),
        ("EXIT STATUS", guide.exit_status),
        ("ENVIRONMENT", guide.environment),
        ("FILES", guide.files),
    ] {
        if rows.is_empty() {
            continue;
        }
        roff.control("SH", [title]);
        for (left, right) in rows {
            entry(&mut roff, left, right);
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(see_also(command))]);
    roff
}

fn see_also(command: &Command) -> String {
    let others: &[&str] = match command.get_name() {
        "serve" => &["put", "get", "stats"],
        "ls" | "get" | "put" | "rm" | "stat" => &["ls", "get", "put", "rm", "stat", "serve"],
        "stats" => &["serve", "stat"],
        "bench" => &["report", "compare", "serve"],
        "report" | "compare" => &["bench", "report", "compare"],
        cli::NAME => &["serve", "ls", "get", "put", "rm", "stat", "stats", "bench"],
        _ => &["serve", "get", "put"],
    };
    let named = others
        .iter()
        .filter(|&&other| other != command.get_name())
        .map(|other| format!("{}-{other}(1)", cli::NAME));
    let whole = (command.get_name() != cli::NAME).then(|| format!("{}(1)", cli::NAME));
    whole.into_iter().chain(named).collect::<Vec<_>>().join(", ")
}

fn entry(roff: &mut Roff, left: &str, right: &str) {
    roff.control("TP", []);
    roff.text([bold(left)]);
    roff.text([roman(right)]);
}
