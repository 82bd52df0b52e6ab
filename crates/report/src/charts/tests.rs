use haul_chart::{Anchor, Drawing, Plot, Shape, Text};
use haul_results::simulation;
use haul_results::{Factor, Levels, Run};

use super::*;
use crate::lang::Lang;
use crate::view::View;

fn english(run: &Run) -> Vec<Chart> {
    let analysis = &run.analyse(None, &[]);
    charts(&View {
        analysis,
        words: Lang::En.words(),
    })
}

/// A box: left, top, right, bottom.
type Extent = [f64; 4];

fn extents(drawing: &Drawing) -> Vec<(Extent, &str)> {
    let extent = |mark| {
        let Shape::Text(Text {
            x,
            y,
            text,
            style,
            is_vertical,
        }): &Shape = mark
        else {
            return None;
        };
        let size = style.size;
        let width = style.face.width(text, size);
        let back = match style.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        };
        let (rise, fall) = (size * 0.72, size * 0.2);
        let extent = if *is_vertical {
            [x - rise, y - (width - back), x + fall, y + back]
        } else {
            [x - back, y - rise, x - back + width, y + fall]
        };
        (!text.is_empty()).then_some((extent, text.as_str()))
    };
    drawing.shapes.iter().filter_map(extent).collect()
}

fn overlap([left, top, right, bottom]: Extent, other: Extent) -> bool {
    left < other[2] && other[0] < right && top < other[3] && other[1] < bottom
}

fn runs() -> Vec<(&'static str, Run)> {
    let scale = |factor| simulation::lifelike(Levels::default().scale(factor).unwrap(), 3);
    let mut one = Levels::quick();
    one.operations.truncate(1);
    one.volumes.truncate(1);
    one.clients.truncate(1);
    one.workers.truncate(1);
    let unmeasured = Run::new(simulation::quick().header);
    vec![
        ("full", simulation::full()),
        ("broken", simulation::broken()),
        ("foreign", simulation::foreign()),
        ("workers", scale(Factor::Workers)),
        ("clients", scale(Factor::Clients)),
        ("one cell", simulation::lifelike(one, 2)),
        ("not measured", unmeasured),
    ]
}

#[test]
fn no_text_of_a_chart_is_cut_or_lies_upon_another() {
    for (name, run) in runs() {
        let analysis = &run.analyse(None, &[]);
        for lang in Lang::ALL {
            for chart in charts(&View {
                analysis,
                words: lang.words(),
            }) {
                for (drawing, panel) in chart.drawings().iter().zip(&chart.panels) {
                    let place = format!("{name}, {lang}, {}, {}", chart.id, panel.title);
                    let texts = extents(drawing);
                    for (number, (extent, text)) in texts.iter().enumerate() {
                        let [left, top, right, bottom] = *extent;
                        let inside = left >= -0.5
                            && top >= -0.5
                            && right <= drawing.width + 0.5
                            && bottom <= drawing.height + 0.5;
                        assert!(
                            inside,
                            "{place}: `{text}` is cut: {extent:?} of {} × {}",
                            drawing.width, drawing.height
                        );
                        let upon = texts[number + 1..]
                            .iter()
                            .find(|(other, _)| overlap(*extent, *other));
                        assert!(upon.is_none(), "{place}: `{text}` lies upon {upon:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_chart_says_what_to_see_how_to_read_it_and_has_axes_with_titles() {
    let run = simulation::full();
    let charts = english(&run);
    let ids: Vec<&str> = charts.iter().map(|chart| chart.id).collect();
    assert_eq!(ids, ["throughput", "time", "scaling", "memory", "cpu", "phases"]);
    for chart in &charts {
        assert!(chart.title.len() > 20 && chart.reading.len() > 60, "{}", chart.id);
        for panel in &chart.panels {
            let titles = match &panel.plot {
                Plot::Heat(heat) => vec![&heat.x_title, &heat.y_title],
                Plot::Lines(lines) => vec![&lines.x.title, &lines.y.title],
                Plot::Bars(bars) => vec![&bars.x.title],
            };
            assert!(titles.iter().all(|title| !title.is_empty()), "{}", chart.id);
        }
    }
    assert_eq!(charts[0].panels.len(), 2 * 3 * 2 * 2);
    assert!(charts[0].title.contains("MiB/s"));
}

#[test]
fn a_chart_with_too_many_panels_says_how_many_are_left_out() {
    let mut levels = Levels::quick();
    levels.buffers = [1, 2, 3, 4, 5].map(ByteSize::kib).to_vec();
    let run = simulation::lifelike(levels, 1);
    let charts = english(&run);
    assert_eq!(charts[0].panels.len(), PANELS_MAX);
    let note = charts[0].note.as_deref().unwrap_or_default();
    assert!(note.starts_with("6 further panels"), "{note}");
}

#[test]
fn a_curve_is_drawn_only_where_the_fit_was_accepted() {
    let drawn = |run: &Run| {
        let charts = english(run);
        let scaling = charts.into_iter().find(|chart| chart.id == "scaling").unwrap();
        let has_curve = scaling.legend.iter().any(|key| key.name.contains("Scalability"));
        (has_curve, scaling.note.unwrap_or_default())
    };
    let mut run = simulation::lifelike(Levels::default().scale(Factor::Workers).unwrap(), 3);
    let (has_curve, note) = drawn(&run);
    assert!(!has_curve && note.starts_with("No curve is drawn"), "{note}");

    for trial in &mut run.trials {
        let count = f64::from(trial.cell.pool.workers);
        let wobble = 1.0
            + 0.004
                * (f64::from(trial.replicate) - 1.0)
                * if trial.cell.pool.workers % 4 == 0 {
                    1.0
                } else {
                    -1.0
                };
        let rate = 4e8 * count / (1.0 + 0.05 * (count - 1.0) + 0.002 * count * (count - 1.0)) * wobble;
        trial.makespan_ns = (trial.content_ok().as_f64() / rate * 1e9) as u64;
        for sample in &mut trial.samples {
            let end = Some(trial.makespan_ns);
            (sample.connected_ns, sample.first_byte_ns, sample.last_byte_ns) = (Some(1), Some(2), end);
            sample.durable_ns = sample.durable_ns.and(end);
        }
    }
    let (has_curve, note) = drawn(&run);
    assert!(has_curve && note.contains('α') && note.contains("peak"), "{note}");
}

#[test]
fn a_run_without_results_has_no_charts() {
    let run = Run::new(simulation::quick().header);
    assert!(english(&run).is_empty());
}
