use super::*;
use crate::Lang;
use haul_chart::{Anchor, Shape, Text};
use haul_results::simulation;

fn texts(page: &haul_chart::Drawing) -> impl Iterator<Item = (&str, [f64; 4])> {
    page.shapes.iter().filter_map(|mark| {
        let Shape::Text(Text {
            x,
            y,
            text,
            style,
            is_vertical: false,
        }) = mark
        else {
            return None;
        };
        let width = style.face.width(text, style.size);
        let left = match style.anchor {
            Anchor::Start => *x,
            Anchor::Middle => x - width / 2.0,
            Anchor::End => x - width,
        };
        Some((text.as_str(), [left, y - style.size, left + width, *y]))
    })
}

#[test]
fn nothing_runs_over_the_edge_of_a_page_and_no_cell_is_lost() {
    for run in [simulation::full(), simulation::broken(), simulation::foreign()] {
        let analysis = run.analyse(None, &[]);
        for lang in Lang::ALL {
            let report = Report::new(&analysis, *lang);
            let paper = pages(&report);
            for (number, page) in paper.pages.iter().enumerate() {
                for (text, [left, top, right, bottom]) in texts(page) {
                    let inside = left >= 20.0
                        && top >= 20.0
                        && right <= page.width - 20.0
                        && bottom <= page.height - 20.0;
                    assert!(
                        inside,
                        "page {number}: `{text}` from {left:.0}, {top:.0} to {right:.0}, {bottom:.0}"
                    );
                }
            }
            let shown: Vec<&str> = paper.pages.iter().flat_map(texts).map(|(text, _)| text).collect();
            for number in 1..=report.table.rows.len() {
                assert!(
                    shown.contains(&number.to_string().as_str()),
                    "row {number} is missing"
                );
            }
        }
    }
}

#[test]
fn columns_of_the_table_do_not_run_into_each_other() {
    let run = simulation::broken();
    let analysis = run.analyse(None, &[]);
    let report = Report::new(&analysis, Lang::En);
    let paper = pages(&report);
    let landscape = paper.pages.iter().filter(|page| page.width > page.height);
    let mut lines = 0;
    for page in landscape {
        let mut placed: Vec<(&str, [f64; 4])> = texts(page).collect();
        placed.sort_by(|left, right| {
            (left.1[3], left.1[0])
                .partial_cmp(&(right.1[3], right.1[0]))
                .unwrap()
        });
        for pair in placed.windows(2) {
            let [(left_text, left), (right_text, right)] = pair else {
                unreachable!("windows of two")
            };
            if (left[3] - right[3]).abs() < 0.01 {
                lines += 1;
                assert!(
                    left[2] <= right[0] + 0.2,
                    "`{left_text}` runs into `{right_text}`"
                );
            }
        }
    }
    assert!(lines > 500, "{lines}");
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let run = simulation::broken();
    let once = || document(&Report::new(&run.analyse(None, &[]), Lang::En)).unwrap();
    assert_eq!(once(), once());
}
