//! `--scale`: one factor over its levels, and a curve that is fitted or refused.

use serde_json::{Value, json};

use crate::ran::{Place, haul, ran};

const LEVELS: [u64; 9] = [1, 2, 4, 8, 12, 16, 24, 32, 50];
const FLAGS: &str = "--operations download --volumes 1KiB --pools threads --client-pools threads";

fn workers(cell: &Value) -> u64 {
    let pool = cell["pool"].as_str().unwrap();
    pool.strip_prefix("threads:").unwrap().parse().unwrap()
}

fn clients(cell: &Value) -> u64 {
    cell["clients"].as_u64().unwrap()
}

/// The levels of a factor that were measured, rising.
fn measured(place: &Place, factor: fn(&Value) -> u64) -> Vec<u64> {
    let mut levels: Vec<u64> = place
        .trials()
        .iter()
        .map(|trial| factor(&trial["cell"]))
        .collect();
    levels.sort_unstable();
    levels
}

#[test]
fn too_few_repeats_are_no_curve_and_the_report_says_why_in_either_language() {
    type Factor = fn(&Value) -> u64;
    let english = "No curve is drawn: 1 was tested 1 times, a fit needs 3.";
    let indonesian = "Kurva tidak digambar: tingkat 1 diuji 1 kali, perlu 3.";
    let cases: [(_, _, _, Factor, Factor); 2] = [
        ("workers", "en", english, workers, clients),
        ("clients", "id", indonesian, clients, workers),
    ];
    for (word, lang, reason, varied, other) in cases {
        let place = Place::new();
        let flags = format!("--scale {word} --repeats 1 --workers 1,2 --clients 1,2 --lang {lang} {FLAGS}");
        ran(&mut place.bench(&flags)).expect_code(0);
        assert_eq!(measured(&place, varied), LEVELS);
        assert_eq!(measured(&place, other), [2; 9], "at its last level");
        for name in ["charts/scaling.svg", "report.html", "report.md"] {
            assert!(place.report(name).contains(reason), "{name}");
        }
    }
}

#[test]
fn enough_repeats_are_a_curve_or_a_reason_and_a_peak_that_is_there_is_found() {
    let place = Place::new();
    ran(&mut place.bench(&format!("--scale --repeats 3 --clients 2 --seed 3 {FLAGS}"))).expect_code(0);
    let text = place.report("report.html");
    assert!(
        text.contains("Universal Scalability Law: α") != text.contains("No curve is drawn: "),
        "{text}"
    );

    // The same run as if the server had obeyed the law: α = 0.05, β = 0.002, so the peak lies at 21.8 workers.
    let mut results: Value = serde_json::from_str(&place.report("results.json")).unwrap();
    for trial in results["trials"].as_array_mut().unwrap() {
        let workers = workers(&trial["cell"]) as f64;
        let noise = [0.999, 1.0, 1.001][trial["replicate"].as_u64().unwrap() as usize];
        let rate = workers / (1.0 + 0.05 * (workers - 1.0) + 0.002 * workers * (workers - 1.0));
        let end_ns = (1e9 * noise / rate).round() as u64;
        trial["makespan_ns"] = json!(end_ns);
        for sample in trial["samples"].as_array_mut().unwrap() {
            sample["last_byte_ns"] = json!(end_ns);
        }
    }
    let law = place.file("law");
    std::fs::create_dir(&law).unwrap();
    std::fs::write(law.join("results.json"), results.to_string()).unwrap();
    ran(haul().arg("report").arg(&law)).expect_code(0);
    let text = std::fs::read_to_string(law.join("report.html")).unwrap();
    let found = text
        .split("Universal Scalability Law: ")
        .nth(1)
        .unwrap_or_else(|| panic!("{text}"));
    let [alpha, beta, peak] = ["α ", "β ", "peak lies at "].map(|name| {
        let value = found.split(name).nth(1).unwrap().split(' ').next().unwrap();
        value.parse::<f64>().unwrap()
    });
    assert!(
        (alpha - 0.05).abs() < 0.005 && (beta - 0.002).abs() < 0.0002,
        "{alpha} {beta}"
    );
    assert_eq!(peak, 22.0);
}

#[test]
fn a_factor_that_the_pools_name_themselves_cannot_be_varied() {
    let place = Place::new();
    let refused =
        ran(&mut place.bench("--scale workers --pools threads:3 --clients 1 --volumes 1KiB --repeats 1"));
    refused.expect_code(2);
    assert!(
        refused.stderr.contains("--scale") && refused.stderr.contains("--pools"),
        "{}",
        refused.stderr
    );
}
