//! The formats as files: kept as they should look in `tests/golden`, and opened by programs that are not ours.
//!
//! After a change that is meant, `HAUL_UPDATE_GOLDEN=1 cargo test -p haul-report` writes the golden files anew, and the
//! difference is to be read before it is kept. A test that needs another program says SKIPPED where that is missing, and
//! fails instead under `HAUL_TEST_NO_SKIP=1`.

// What a test asks for is there, or the test fails; and what it skips it has to say.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use haul_report::{ComparedCells, Format, Lang, Report, baseline_from_table, comparison};
use haul_results::{Baseline, Method, Run, compare, simulation};

fn files(run: &Run, lang: Lang, formats: &[Format]) -> HashMap<String, Vec<u8>> {
    let analysis = run.analyse(None, &[]);
    let files = Report::new(&analysis, lang).files(formats).unwrap();
    files.into_iter().collect()
}

fn text(run: &Run, lang: Lang, format: Format, name: &str) -> String {
    String::from_utf8(files(run, lang, &[format]).remove(name).unwrap()).unwrap()
}

fn terminal(run: &Run, lang: Lang, width: u16) -> String {
    Report::new(&run.analyse(None, &[]), lang).terminal(width)
}

#[track_caller]
fn assert_golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("HAUL_UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, found).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let first = kept
        .lines()
        .zip(found.lines())
        .position(|(kept, found)| kept != found);
    let line = first.unwrap_or_else(|| kept.lines().count().min(found.lines().count()));
    assert!(
        kept == found,
        "{name} differs from line {} on: `{}`",
        line + 1,
        found.lines().nth(line).unwrap_or_default()
    );
}

#[test]
fn one_analysis_is_enough_for_all_that_is_shown_of_a_run() {
    let (run, other) = (simulation::quick(), simulation::full());
    let before = simulation::bootstraps();
    let baseline = Baseline::from_run("other", &other);
    let analysis = run.analyse(Some(&baseline), &["failed > 0".parse().unwrap()]);
    let report = Report::new(&analysis, Lang::En);
    let files = report.files(Format::ALL).unwrap();
    assert!(!files.is_empty() && !report.terminal(120).is_empty());
    assert_eq!(simulation::bootstraps() - before, 1);
}

#[test]
fn the_texts_look_as_they_did() {
    let broken = simulation::broken();
    let quick = simulation::quick();
    assert_golden("quick.80.en.txt", &terminal(&quick, Lang::En, 80));
    assert_golden("broken.80.id.txt", &terminal(&broken, Lang::Id, 80));
    assert_golden("broken.160.en.txt", &terminal(&broken, Lang::En, 160));
    assert_golden(
        "broken.en.csv",
        &text(&broken, Lang::En, Format::Csv, "table.csv"),
    );
    assert_golden("quick.id.csv", &text(&quick, Lang::Id, Format::Csv, "table.csv"));
    assert_golden(
        "broken.en.md",
        &text(&broken, Lang::En, Format::Markdown, "report.md"),
    );
}

#[test]
fn the_charts_look_as_they_did() {
    let quick = simulation::quick();
    for name in ["architecture", "throughput", "scaling", "cpu"] {
        let svg = text(&quick, Lang::En, Format::Markdown, &format!("charts/{name}.svg"));
        let (before, rest) = svg.split_once("@font-face").unwrap();
        let (_, after) = rest.split_once(":root").unwrap();
        assert_golden(&format!("quick.{name}.svg"), &format!("{before}:root{after}"));
    }
}

#[test]
fn no_line_of_the_terminal_is_wider_than_it() {
    for run in [simulation::full(), simulation::broken(), simulation::foreign()] {
        for lang in Lang::ALL {
            for width in [80, 100, 140, 220] {
                let text = terminal(&run, *lang, width);
                let widest = text
                    .lines()
                    .map(|line| line.trim_end().chars().count())
                    .max()
                    .unwrap();
                assert!(widest <= usize::from(width), "{width} {lang}: {widest}");
            }
        }
    }
}

#[test]
fn the_first_columns_of_the_table_are_those_of_the_exercise() {
    let english = text(&simulation::quick(), Lang::En, Format::Csv, "table.csv");
    assert!(english.starts_with(
        "No,Operation,Volume,Client workers,Server workers,Time per client (s),Throughput per client (MiB/s),\
         Client workers ok/failed,Server workers ok/failed,Server pool,Client pool,Buffer,"
    ));
    let indonesian = text(&simulation::quick(), Lang::Id, Format::Csv, "table.csv");
    assert!(
        indonesian
            .starts_with("No,Operasi,Volume,Jumlah client worker,Jumlah server worker,Waktu per client (s),")
    );
    assert_eq!(english.lines().count(), 55);
}

#[test]
fn a_table_in_either_language_and_the_results_are_the_same_baseline() {
    let run = simulation::quick();
    for lang in Lang::ALL {
        let table = text(&run, *lang, Format::Csv, "table.csv");
        let from_table = baseline_from_table("table.csv", table.as_bytes()).unwrap();
        let from_run = Baseline::from_run("results.json", &run);
        for cell in run.header.matrix.cells() {
            let seconds = |baseline: &Baseline| baseline.point(cell).unwrap().client_s.unwrap();
            let (left, right) = (seconds(&from_table), seconds(&from_run));
            assert!((left / right - 1.0).abs() < 1e-4, "{cell}: {left} {right}");
        }
    }
}

#[test]
fn with_a_baseline_there_is_a_column_and_a_chart_of_ratios() {
    let classroom = b"operation,volume_bytes,clients,server_workers,time_per_client_s\n\
        download,10485760,1,1,0.46\ndownload,10485760,5,5,1.92\ndownload,10485760,50,50,\n";
    let baseline = baseline_from_table("classroom.csv", classroom).unwrap();
    let run = simulation::full();
    let analysis = run.analyse(Some(&baseline), &[]);
    let files = Report::new(&analysis, Lang::En)
        .files(&[Format::Csv, Format::Html])
        .unwrap();
    let files: HashMap<String, Vec<u8>> = files.into_iter().collect();
    let table = String::from_utf8(files["table.csv"].clone()).unwrap();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let place = reader
        .headers()
        .unwrap()
        .iter()
        .position(|heading| heading == "Ratio to baseline")
        .unwrap();
    let ratios: Vec<String> = reader
        .records()
        .map(|row| row.unwrap()[place].to_owned())
        .collect();
    let ratio: f64 = ratios[0].parse().unwrap();
    assert!((60.0..90.0).contains(&ratio), "{ratio}");
    assert_eq!(
        (ratios[1].as_str(), ratios[8].as_str()),
        ("", ""),
        "a cell without a time has no ratio"
    );
    let page = String::from_utf8(files["report.html"].clone()).unwrap();
    assert!(page.contains("<figure id=\"baseline\">") && page.contains("classroom.csv"));
}

#[test]
fn the_page_needs_nothing_from_outside_and_has_every_section() {
    for run in [simulation::full(), simulation::broken()] {
        let page = text(&run, Lang::En, Format::Html, "report.html");
        for outside in [
            "http:", "https:", "src=", "href=", "url(h", "url(/", "@import", "<link", "<img",
        ] {
            assert!(!page.contains(outside), "{outside}");
        }
        for order in [
            ["class=\"verdict", "<h2>Configuration"],
            ["<h2>Configuration", "<h2>What was tested"],
            ["<h2>What was tested", "<h2>Charts"],
            ["<h2>Charts", "<h2>All cells"],
            ["<h2>All cells", "<h2>How to repeat it"],
        ] {
            let [first, second] = order.map(|part| page.find(part).unwrap_or_else(|| panic!("no {part}")));
            assert!(first < second, "{order:?}");
        }
        assert!(page.contains("prefers-color-scheme:dark") && page.contains("@media print"));
    }
}

#[test]
fn what_a_run_says_of_itself_cannot_become_markup() {
    let mut run = simulation::quick();
    let hostile = "<script>alert(1)</script>|`x`\u{0}\n# y";
    run.header.subject.name = Some(hostile.to_owned());
    run.header.machine.processor = hostile.to_owned();
    run.header.arguments = vec![hostile.to_owned()];
    let page = text(&run, Lang::En, Format::Html, "report.html");
    assert_eq!(page.matches("<script>").count(), 1, "only our own script");
    let markdown = text(&run, Lang::En, Format::Markdown, "report.md");
    let (text, command) = markdown.split_once("```sh\n").unwrap();
    assert!(!text.contains("<script>") && !markdown.contains("\n# y"));
    assert_eq!(
        command.lines().count(),
        2,
        "the command stays one line within its fence"
    );
    assert!(!files(&run, Lang::En, &[Format::Pdf, Format::Xlsx]).is_empty());
}

#[test]
fn the_json_is_the_run_itself() {
    let run = simulation::broken();
    assert_eq!(
        Run::from_json(&text(&run, Lang::En, Format::Json, "results.json")).unwrap(),
        run
    );
}

#[test]
fn a_comparison_names_what_differs_and_how_it_was_judged() {
    let before = simulation::quick();
    let mut after = before.clone();
    for trial in &mut after.trials {
        if trial.cell.clients == 16 {
            trial.makespan_ns = trial.makespan_ns * 3 / 2;
        }
    }
    let compared = compare(&before, &after, Method::default()).unwrap();
    let text = comparison(&compared, ["old", "new"], Lang::En, ComparedCells::Notable, 110);
    assert!(text.starts_with("A: old\nB: new\n"), "{text}");
    assert!(
        text.contains("slower in 18") && text.contains("Benjamini-Hochberg"),
        "{text}"
    );
    let all = comparison(&compared, ["old", "new"], Lang::Id, ComparedCells::All, 110);
    assert!(all.matches("dalam derau").count() >= 36, "{all}");
}

/// Whether a test can run that needs `program`. Where it cannot, it says so; in CI it fails.
fn is_there(program: &str, arguments: &[&str], needed_for: &str) -> bool {
    let works = Command::new(program)
        .args(arguments)
        .output()
        .is_ok_and(|output| output.status.success());
    let may_skip = std::env::var_os("HAUL_TEST_NO_SKIP").is_none_or(|value| value != "1");
    assert!(
        works || may_skip,
        "{program} {arguments:?} does not work, it is needed for: {needed_for}"
    );
    if !works {
        eprintln!("SKIPPED: {needed_for} ({program} is missing)");
    }
    works
}

fn written(folder: &tempfile::TempDir, run: &Run, format: Format, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, &files(run, Lang::En, &[format])[name]).unwrap();
    path
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

const READ_WORKBOOK: &str = r#"
import sys, zipfile, xml.etree.ElementTree as tree
book = zipfile.ZipFile(sys.argv[1])
assert book.testzip() is None
space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
sheet = tree.fromstring(book.read("xl/worksheets/sheet1.xml"))
strings = ["".join(part.text or "" for part in item.iter(space + "t")) for item in tree.fromstring(book.read("xl/sharedStrings.xml"))]
pane = sheet.find(f".//{space}pane")
print("frozen", pane.get("ySplit"), pane.get("state"))
print("filter", sheet.find(space + "autoFilter").get("ref"))
rows = sheet.find(space + "sheetData")
print("rows", len(rows))
for row in list(rows)[:2]:
    print("|".join(strings[int(cell[0].text)] if cell.get("t") == "s" else "number" for cell in row if len(cell)))
"#;

#[test]
fn another_program_finds_typed_numbers_a_frozen_heading_and_a_filter_in_the_workbook() {
    if !is_there("python3", &["--version"], "opening table.xlsx") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, &simulation::quick(), Format::Xlsx, "table.xlsx");
    let found = output(Command::new("python3").arg("-c").arg(READ_WORKBOOK).arg(&path));
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(
        lines[..3],
        ["frozen 1 frozen", "filter A1:W55", "rows 55"],
        "{found}"
    );
    assert!(
        lines[3].starts_with("No|Operation|Volume|Client workers|Server workers|Time per client (s)|"),
        "{found}"
    );
    assert!(
        lines[4].starts_with(
            "number|download|number|number|number|number|number|1/0|1/0|threads|threads|number|"
        ),
        "{found}"
    );
}

#[test]
fn another_program_finds_the_verdict_the_charts_and_every_row_in_the_pdf() {
    if !is_there("pdftotext", &["-v"], "opening report.pdf") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, &simulation::quick(), Format::Pdf, "report.pdf");
    let found = output(Command::new("pdftotext").arg("-layout").arg(&path).arg("-"));
    for part in [
        "Stress test of a file server",
        "All 54 cells succeeded",
        "Total throughput is highest",
        "page 1 /",
    ] {
        assert!(found.contains(part), "{part}");
    }
    let is_row =
        |line: &&str| line.contains("threads") && (line.contains("download") || line.contains("upload"));
    assert_eq!(
        found
            .lines()
            .filter(is_row)
            .filter(|line| line.contains("KiB"))
            .count(),
        54
    );
}

/// Reports on itself what a reader would see: run at the end of the page, read from its title.
const LOOK: &str = "<script>document.title = [innerWidth, document.documentElement.scrollWidth, \
    document.querySelectorAll('figure svg').length, document.querySelectorAll('tbody tr').length, \
    performance.getEntriesByType('resource').length, document.querySelectorAll('th[tabindex]').length].join(' ');</script>";

#[test]
fn a_browser_shows_the_page_at_400_pixels_without_error_or_request_or_sideways_scrolling() {
    if !is_there("chromium", &["--version"], "looking at report.html") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, &simulation::quick(), Format::Html, "report.html");
    let page = std::fs::read_to_string(&path)
        .unwrap()
        .replace("</body>", &format!("{LOOK}</body>"));
    std::fs::write(&path, page).unwrap();
    let shown = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--window-size=400,900",
        ])
        .args([
            "--enable-logging=stderr",
            "--v=0",
            "--dump-dom",
            "--force-color-profile=srgb",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&shown.stdout);
    let title = dom
        .split_once("<title>")
        .and_then(|(_, rest)| rest.split_once("</title>"))
        .unwrap()
        .0;
    let seen: Vec<u32> = title.split(' ').map(|number| number.parse().unwrap()).collect();
    let [inner, scrolled, charts, rows, resources, headings] = seen[..] else {
        panic!("{title}")
    };
    assert!(
        inner <= 500 && scrolled <= inner,
        "{scrolled} pixels wide in a window of {inner}"
    );
    assert!(charts > 20, "{charts}");
    assert_eq!(
        (rows, resources),
        (54, 0),
        "every row is there, and nothing was loaded"
    );
    assert!(headings > 15, "our own script ran");
    let log = String::from_utf8_lossy(&shown.stderr);
    assert!(!log.contains("CONSOLE"), "{log}");
}
