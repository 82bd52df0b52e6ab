//! Charts and drawings as data, and how they are laid out. Pure: no clock, disk, network or terminal, and no knowledge
//! of what is charted.
//!
//! A [`Chart`] is a title, a legend and small [`Panel`]s of one size that share their scales; each panel is a heat map,
//! lines over two axes, or bars. Layout turns it into [`Drawing`]s: a few kinds of shapes on a plane, with texts measured
//! in the bundled fonts ([`Face`]). [`svg`] paints a drawing for a browser; whoever paints it elsewhere, on paper for
//! example, needs to know these shapes and nothing else.
//!
//! ```
//! use haul_chart::{Axis, Chart, Ink, LegendEntry, Layer, Lines, Panel, Plot, Scale, Marker, svg};
//!
//! let points = vec![(0.0, 12.0), (1.0, 48.0), (2.0, 61.0)];
//! let lines = Lines {
//!     x: Axis::new("clients", Scale::Levels(vec!["1".into(), "5".into(), "50".into()])),
//!     y: Axis::new("MiB/s", Scale::from_zero([61.0])),
//!     layers: vec![Layer::Line(Ink::Series(0), points)],
//!     height: 110.0,
//! };
//! let chart = Chart {
//!     id: "throughput",
//!     title: "Throughput rises with the clients".to_owned(),
//!     reading: "One dot for each number of clients.".to_owned(),
//!     legend: vec![LegendEntry::new("one worker", Ink::Series(0), Marker::Line)],
//!     heat: None,
//!     panels: vec![Panel { title: "download".to_owned(), plot: Plot::Lines(lines) }],
//!     panel_width: 220.0,
//!     columns_max: 2,
//!     note: None,
//! };
//! let sheet = chart.sheet(760.0);
//! assert!(svg::standalone(&sheet, &chart.title).starts_with("<svg"));
//! ```

mod axis;
mod bars;
mod chart;
mod drawing;
mod heat;
mod legend;
mod lines;
pub mod svg;
mod typeface;

pub use axis::{Axis, Scale};
pub use bars::{Bar, Bars};
pub use chart::{Chart, LegendEntry, Marker, Panel, Plot};
pub use drawing::{
    Anchor, Drawing, Ink, PathKind, Points, Rgb, SERIES, SERIES_DARK, Shape, Style, Text, heat, on_heat,
};
pub use heat::{Heat, HeatCell, HeatScale};
pub use lines::{Layer, Lines};
pub use typeface::Face;
