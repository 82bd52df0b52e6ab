//! The drawing of the test: clients, queue, workers, store, and what of it is timed.

use haul_chart::{Drawing, Ink, Style};
use haul_results::Operation;

use crate::view::{View, distinct, names};

const WIDTH: f64 = 440.0;
/// Where the boxes begin and end; right of them stands what is timed.
const LEFT: f64 = 8.0;
const RIGHT: f64 = 304.0;

pub(crate) fn drawing(view: &View<'_>) -> Drawing {
    let words = &view.words.drawing;
    let mut drawing = Drawing::new(WIDTH, 330.0);
    let clients = names(&view.clients()).join(", ");
    let workers = names(&view.workers()).join(", ");
    let pools = distinct(view.summaries().map(|summary| summary.cell.pool.family())).join(", ");
    let client_pools = distinct(view.summaries().map(|summary| summary.cell.client_pool));
    let clients = format!("{clients} · {}", names(&client_pools).join(", "));
    let workers = format!("{workers} · {pools}");

    boxed(&mut drawing, (8.0, 62.0), words.clients, &clients, Ink::Series(0));
    row_of_dots(&mut drawing, 58.0, 12, Ink::Series(0));
    arrow(&mut drawing, 74.0, 102.0);
    drawing.text((168.0, 92.0), words.start, Style::muted(10.5));
    boxed(
        &mut drawing,
        (106.0, 44.0),
        words.queue,
        words.queue_rule,
        Ink::Series(4),
    );
    arrow(&mut drawing, 154.0, 178.0);
    boxed(
        &mut drawing,
        (182.0, 62.0),
        words.workers,
        &workers,
        Ink::Series(2),
    );
    row_of_dots(&mut drawing, 232.0, 6, Ink::Series(2));
    arrow(&mut drawing, 248.0, 272.0);
    boxed(
        &mut drawing,
        (276.0, 44.0),
        words.store,
        files(view),
        Ink::Series(6),
    );
    timed(&mut drawing, words.timed, words.phases);
    drawing
}

/// What the store does in the operations of the run.
fn files(view: &View<'_>) -> &'static str {
    let words = &view.words.drawing;
    let has = |operation| {
        view.summaries()
            .any(|summary| summary.cell.operation == operation)
    };
    match (has(Operation::Download), has(Operation::Upload)) {
        (true, true) => words.read_and_written,
        (true, false) => words.read,
        (false, _) => words.written,
    }
}

fn boxed(drawing: &mut Drawing, (y, height): (f64, f64), title: &str, text: &str, ink: Ink) {
    drawing.rounded((LEFT, y), (RIGHT - LEFT, height), 5.0, Ink::Surface);
    drawing.rect((LEFT, y), (4.0, height), ink);
    drawing.text((LEFT + 14.0, y + 17.0), title, Style::new(12.5).bold());
    drawing.text((LEFT + 14.0, y + 33.0), text, Style::muted(11.0));
}

fn row_of_dots(drawing: &mut Drawing, y: f64, count: u32, ink: Ink) {
    let dots = (0..count)
        .map(|number| (LEFT + 20.0 + 15.0 * f64::from(number), y))
        .collect();
    drawing.dots(dots, ink, 4.0, 1.0);
}

fn arrow(drawing: &mut Drawing, from: f64, to: f64) {
    let x = (LEFT + RIGHT) / 2.0;
    drawing.line(vec![(x, from), (x, to - 4.0)], Ink::Muted, 1.5);
    drawing.area(
        vec![(x - 4.5, to - 7.0), (x + 4.5, to - 7.0), (x, to)],
        Ink::Muted,
        1.0,
    );
}

/// What of a client's time passes where.
fn timed(drawing: &mut Drawing, title: &str, phases: [&str; 3]) {
    let (x, top, bottom) = (322.0, 78.0, 300.0);
    drawing.line(
        vec![(x - 8.0, top), (x, top), (x, bottom), (x - 8.0, bottom)],
        Ink::Series(1),
        2.0,
    );
    for (y, phase) in [90.0, 130.0, 215.0].into_iter().zip(phases) {
        drawing.text((x + 10.0, y), phase, Style::new(11.0));
    }
    drawing.text(
        (x + 10.0, 292.0),
        title,
        Style::new(12.5).bold().ink(Ink::Series(1)),
    );
}
