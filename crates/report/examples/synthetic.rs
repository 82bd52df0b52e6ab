//! Writes the report of a synthetic run into a folder, to be looked at: `cargo run -p haul-report --example synthetic --
//! FOLDER [full|quick|broken|foreign] [en|id]`.

use std::path::PathBuf;

use haul_report::{Format, Report};
use haul_results::simulation;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("give a folder")?);
    let run = match arguments.next().as_deref() {
        Some("quick") => simulation::quick(),
        Some("broken") => simulation::broken(),
        Some("foreign") => simulation::foreign(),
        _ => simulation::full(),
    };
    let lang = arguments.next().as_deref().unwrap_or("en").parse()?;
    let analysis = run.analyse(None, &[]);
    let report = Report::new(&analysis, lang);
    for (name, content) in report.files(Format::ALL)? {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().ok_or("a file lies in a folder")?)?;
        std::fs::write(file, content)?;
    }
    for width in [80, 130, 200] {
        std::fs::write(
            folder.join(format!("terminal-{width}.txt")),
            report.terminal(width),
        )?;
    }
    Ok(())
}
