//! Completion scripts, made from the tree of subcommands.

use clap::Command;
use clap_complete::Shell;

use crate::cli;

/// The completion script of `shell`. It knows only the subcommands that are for people.
pub(crate) fn script(shell: Shell) -> Vec<u8> {
    let mut tree = visible(&cli::tree());
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut tree, cli::NAME, &mut script);
    match (shell, String::from_utf8(script)) {
        (Shell::Bash, Ok(text)) => with_files(&text, &tree).into_bytes(),
        (_, Ok(text)) => text.into_bytes(),
        (_, Err(error)) => error.into_bytes(),
    }
}

/// The same tree without hidden subcommands: clap_complete would offer them.
fn visible(tree: &Command) -> Command {
    let subcommands = tree
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .cloned();
    let mut visible = Command::new(cli::NAME)
        .args(tree.get_arguments().cloned())
        .subcommands(subcommands);
    if let Some(about) = tree.get_about() {
        visible = visible.about(about.clone());
    }
    visible.version(env!("CARGO_PKG_VERSION"))
}

/// Bash would be offered flags where an operand is due, and type a lone `-`. Without an offer it completes files.
fn with_files(script: &str, tree: &Command) -> String {
    let mut script = script.to_owned();
    let takes_files = |command: &&Command| {
        let mut operands = command.get_positionals();
        operands.all(|operand| operand.get_possible_values().is_empty())
    };
    for command in tree.get_subcommands().filter(takes_files) {
        let head = format!("\n        {}__subcmd__{})\n", cli::NAME, command.get_name());
        let Some(begin) = script.find(&head) else { continue };
        let length = script[begin + 1..]
            .find("\n        haul__subcmd__")
            .map_or(script.len() - begin, |end| end + 1);
        let section = script[begin..begin + length]
            .replace(" || ${COMP_CWORD} -eq 2 ]]", " ]]")
            .replace(
                "            esac\n            COMPREPLY=( $(compgen -W \"${opts}\" -- \"${cur}\") )\n",
                "            esac\n",
            );
        script.replace_range(begin..begin + length, &section);
    }
    script
}
