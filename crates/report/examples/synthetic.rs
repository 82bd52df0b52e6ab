//! Writes the report of a synthetic run into a folder, to be looked at: `cargo run -p haul-report --example synthetic --
//! FOLDER [full|quick|broken|foreign] [en|id]`.

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;

use haul_report::{Options, render, terminal};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("give a folder")?);
    let run = match arguments.next().as_deref() {
        Some("quick") => support::quick(),
        Some("broken") => support::broken(),
        Some("foreign") => support::foreign(),
        _ => support::full(),
    };
    let lang = arguments.next().as_deref().unwrap_or("en").parse()?;
    let options = Options {
        lang,
        ..Options::default()
    };
    for (name, content) in render(&run, &options)? {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().ok_or("a file lies in a folder")?)?;
        std::fs::write(file, content)?;
    }
    for width in [80, 130, 200] {
        std::fs::write(
            folder.join(format!("terminal-{width}.txt")),
            terminal(&run, &options, width),
        )?;
    }
    Ok(())
}
