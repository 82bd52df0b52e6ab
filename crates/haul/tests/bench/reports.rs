//! Results that were measured before: shown again, set beside a baseline, compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::ran::{Place, haul, ran};

const TWO: &str =
    "--repeats 2 --volumes 1KiB,20kB --clients 1 --workers 1 --pools threads --client-pools threads";

/// All files of a report, `journal.jsonl` left out.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for part in [folder.to_owned(), folder.join("charts")] {
        for entry in fs::read_dir(part).unwrap().map(Result::unwrap) {
            if entry.path().is_file() && entry.file_name() != "journal.jsonl" {
                let name = entry.path().strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

fn assert_same(left: &BTreeMap<String, Vec<u8>>, right: &BTreeMap<String, Vec<u8>>) {
    assert!(
        left.keys().eq(right.keys()),
        "{:?} {:?}",
        left.keys(),
        right.keys()
    );
    let other: Vec<_> = left
        .iter()
        .filter(|(name, content)| right[*name] != **content)
        .collect();
    assert!(
        other.is_empty(),
        "{:?} differ",
        other.iter().map(|(name, _)| name).collect::<Vec<_>>()
    );
}

/// The results of a run, changed, in a folder of their own.
fn changed(place: &Place, change: impl Fn(&mut Value)) -> std::path::PathBuf {
    let mut results: Value = serde_json::from_str(&place.report("results.json")).unwrap();
    change(&mut results);
    let folder = tempfile::tempdir_in(place.file("")).unwrap().keep();
    fs::write(folder.join("results.json"), results.to_string()).unwrap();
    folder
}

#[test]
fn a_report_made_again_is_the_same_in_every_format_from_journal_and_results_in_both_languages() {
    for lang in ["en", "id"] {
        let place = Place::new();
        ran(&mut place.bench(&format!("{TWO} --lang {lang}"))).expect_code(0);
        let written = files(&place.out());
        for name in [
            "report.html",
            "report.pdf",
            "report.md",
            "table.csv",
            "table.xlsx",
            "results.json",
        ] {
            assert!(written.contains_key(name), "{name}");
        }
        for name in written.keys() {
            fs::remove_file(place.out().join(name)).unwrap();
        }
        let again = ran(haul().args(["report", "--lang", lang]).arg(place.out()));
        again.expect_code(0);
        assert!(again.stdout.ends_with("report.html\n"), "{}", again.stdout);
        assert_same(&files(&place.out()), &written);

        let alone = place.file("alone");
        fs::create_dir(&alone).unwrap();
        fs::copy(place.out().join("results.json"), alone.join("results.json")).unwrap();
        ran(haul().args(["report", "--lang", lang]).arg(&alone)).expect_code(0);
        assert_same(&files(&alone), &written);
    }
}

#[test]
fn a_run_compared_with_itself_is_within_noise() {
    let place = Place::new();
    ran(&mut place.bench(TWO)).expect_code(0);
    let same = ran(haul()
        .args(["compare", "--all", "--fail-if-slower"])
        .arg(place.out())
        .arg(place.out()));
    same.expect_code(0);
    let counts = "B is faster in 0 cells, slower in 0, within noise in 4; 0 cannot be judged.";
    let text = same.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(counts), "{}", same.stdout);
    assert!(text.contains("1.000"), "{}", same.stdout);
}

#[test]
fn runs_that_differ_in_matrix_or_machine_are_refused_with_the_reason_unless_anyway() {
    let (first, second) = (Place::new(), Place::new());
    ran(&mut first.bench(TWO)).expect_code(0);
    ran(&mut second.bench(&TWO.replace(",20kB", ",30kB"))).expect_code(0);
    let elsewhere = changed(&first, |results| {
        results["header"]["machine"]["kernel"] = "Plan 9".into()
    });
    let second = second.out();
    for (other, reason) in [
        (
            &second,
            "the matrices differ: 2 cells are in both, 2 only in the first, 2 only in the second",
        ),
        (&elsewhere, "and Plan 9"),
    ] {
        let refused = ran(haul().arg("compare").arg(first.out()).arg(other));
        refused.expect_code(5);
        assert_eq!(refused.stdout, "");
        for part in ["not comparable", reason, "--anyway"] {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
        let anyway = ran(haul().args(["compare", "--anyway"]).arg(first.out()).arg(other));
        anyway.expect_code(0);
        let text = anyway.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(reason), "{}", anyway.stdout);
    }
}

#[test]
fn something_slower_has_its_exit_code_where_it_was_asked_for() {
    let place = Place::new();
    ran(&mut place.bench(&TWO.replace("--repeats 2", "--repeats 4"))).expect_code(0);
    let slower = changed(&place, |results| {
        for trial in results["trials"].as_array_mut().unwrap() {
            trial["makespan_ns"] = (trial["makespan_ns"].as_u64().unwrap() * 1000).into();
        }
    });
    for (flags, code) in [(&["compare"][..], 0), (&["compare", "--fail-if-slower"], 4)] {
        let compared = ran(haul().args(flags).arg(place.out()).arg(&slower));
        compared.expect_code(code);
        assert!(compared.stdout.contains("slower"), "{}", compared.stdout);
    }
}

#[test]
fn results_of_another_version_are_refused_by_report_compare_and_baseline() {
    let place = Place::new();
    ran(&mut place.bench(TWO)).expect_code(0);
    let newer = changed(&place, |results| results["header"]["format"] = 9.into());
    let refusals = [
        (ran(haul().arg("report").arg(&newer)), 1),
        (ran(haul().arg("compare").arg(place.out()).arg(&newer)), 1),
        (ran(place.plain(TWO).arg("--baseline").arg(&newer)), 2),
    ];
    for (refused, code) in refusals {
        refused.expect_code(code);
        for part in ["format 9", "results.json", "use the version that wrote them"] {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
    }
}

#[test]
fn a_baseline_gives_a_column_of_ratios_to_another_run() {
    let place = Place::new();
    ran(&mut place.bench(TWO)).expect_code(0);
    let before = place.table();
    // As if the earlier run had been twice as slow.
    let slower = changed(&place, |results| {
        for trial in results["trials"].as_array_mut().unwrap() {
            trial["makespan_ns"] = (trial["makespan_ns"].as_u64().unwrap() * 2).into();
            for sample in trial["samples"].as_array_mut().unwrap() {
                for mark in ["last_byte_ns", "durable_ns"] {
                    if let Some(time) = sample[mark].as_u64() {
                        sample[mark] = (time * 2).into();
                    }
                }
            }
        }
    });
    assert!(!before[0].contains_key("Ratio to baseline"));
    ran(haul()
        .arg("report")
        .arg(place.out())
        .arg("--baseline")
        .arg(slower.join("results.json")))
    .expect_code(0);
    for row in place.table() {
        assert_eq!(row["Ratio to baseline"], "2", "{row:?}");
    }
    for name in ["report.md", "report.html"] {
        let text = place.report(name);
        assert!(
            text.contains("Ratio to baseline") && text.contains("2.00×"),
            "{name}"
        );
    }
}

#[test]
fn a_baseline_gives_a_column_of_ratios_to_a_published_table() {
    let place = Place::new();
    // As the classroom's: without a time where it did not finish, without some cells, with more columns than needed.
    let table = "no,operation,volume_bytes,clients,server_workers,time_per_client_s,stated_throughput_mib_per_s,outcome\n\
                 1,download,1024,1,1,0.50,0.0124,\n\
                 2,download,20000,1,1,,,crashed\n\
                 3,upload,1024,1,1,0.25,7.5,\n";
    let file = place.file("classroom.csv");
    fs::write(&file, table).unwrap();
    ran(place.bench(TWO).arg("--baseline").arg(&file)).expect_code(0);
    for row in place.table() {
        let seconds: f64 = row["Time per client (s)"].parse().unwrap();
        let ratio = row["Ratio to baseline"].as_str();
        match (row["Operation"].as_str(), row["Volume"].as_str()) {
            ("download", "1 KiB") => assert_near(ratio, 0.50 / seconds),
            ("upload", "1 KiB") => assert_near(ratio, 0.25 / seconds),
            _ => assert_eq!(ratio, "", "{row:?}"),
        }
    }
    for name in ["report.md", "report.html"] {
        let text = place.report(name);
        assert!(
            text.contains("Ratio to baseline") && text.contains("classroom.csv"),
            "{name}"
        );
    }
}

#[track_caller]
fn assert_near(shown: &str, expected: f64) {
    let shown: f64 = shown.parse().unwrap();
    assert!((shown / expected - 1.0).abs() < 1e-3, "{shown} {expected}");
}
