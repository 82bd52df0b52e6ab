//! What the stress lab shows: one model of a run's results, and every format a function of it.
//!
//! A [`Report`] is made of an analysis and a language: [`Report::files`] are the files of a results folder,
//! [`Report::terminal`] the text for a terminal; [`comparison`] is that of two runs side by side. Everything here is pure,
//! without clock, disk, network or terminal, so the same run gives the same bytes.
//!
//! ```no_run
//! use haul_report::{Format, Lang, Report};
//! use haul_results::Run;
//!
//! let run = Run::from_json(&std::fs::read_to_string("results.json")?)?;
//! let analysis = run.analyse(None, &[]);
//! let report = Report::new(&analysis, Lang::En);
//! for (name, content) in report.files(&[Format::Html, Format::Csv])? {
//!     std::fs::write(name, content)?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A map of the crate, in the order in which a report is made: `view` (the analysis in one language), `verdict`,
//! `columns` and `table`, `charts`, `report` (the sections), `formats` (what is written); `words` has every sentence. How
//! a chart is drawn is the business of `haul-chart`. Only this crate knows the libraries for PDF and spreadsheets.

mod architecture;
mod baseline;
mod charts;
mod columns;
mod comparison;
mod configuration;
mod formats;
mod labels;
mod lang;
mod report;
mod scaling_law;
mod table;
mod verdict;
mod view;
mod words;

use haul_results::Comparison;
use haul_types::closed_list;

pub use baseline::baseline_from_table;
pub use comparison::ComparedCells;
pub use lang::Lang;
pub use report::Report;

use formats::{csv, html, markdown, pdf, terminal, xlsx};

closed_list! {
    /// What a report is written as; all of them unless told otherwise.
    pub Format, "a format of the report" {
        /// `report.html`, one file that needs nothing from outside.
        Html = "html",
        /// `report.pdf`, on A4.
        Pdf = "pdf",
        /// `report.md` and its charts `charts/*.svg`.
        Markdown = "md",
        /// `table.csv`, with a heading, in UTF-8.
        Csv = "csv",
        /// `table.xlsx`, typed numbers, two sheets.
        Xlsx = "xlsx",
        /// `results.json`, everything that was measured, versioned; can be read again.
        Json = "json",
    }
}

/// A format that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The spreadsheet has more rows, or longer texts, than its format allows.
    #[error("table.xlsx cannot be made: {0}")]
    Spreadsheet(#[source] rust_xlsxwriter::XlsxError),
    /// The PDF library gave up.
    #[error("report.pdf cannot be made: {0:?}")]
    Pdf(krilla::error::KrillaError),
}

impl Report<'_> {
    /// The files of the report: each name, relative to the results folder with `/` between its parts, and its content. A
    /// run that is not complete gives a report of what is there.
    ///
    /// # Errors
    ///
    /// If one of the formats cannot hold the run; the others can be asked for without it.
    pub fn files(&self, formats: &[Format]) -> Result<Vec<(String, Vec<u8>)>, RenderError> {
        let mut files = Vec::new();
        for format in formats {
            let mut file = |name: &str, content| files.push((name.to_owned(), content));
            match format {
                Format::Html => file("report.html", html::document(self).into_bytes()),
                Format::Pdf => file("report.pdf", pdf::document(self).map_err(RenderError::Pdf)?),
                Format::Markdown => {
                    file("report.md", markdown::document(self).into_bytes());
                    files.extend(markdown::charts(self));
                }
                Format::Csv => file("table.csv", csv::table(self)),
                Format::Xlsx => file(
                    "table.xlsx",
                    xlsx::workbook(self).map_err(RenderError::Spreadsheet)?,
                ),
                Format::Json => file("results.json", self.run.to_json().into_bytes()),
            }
        }
        Ok(files)
    }

    /// The report for a terminal of `width` columns (at least 60 are used): verdict, what is wrong, and the table with
    /// the nine columns of the exercise and as many further ones as fit.
    #[must_use]
    pub fn terminal(&self, width: u16) -> String {
        terminal::text(self, width)
    }
}

/// Two runs side by side, for a terminal of `width` columns: what it comes to in one sentence, how it was judged, and a
/// table of the cells. `names` are what the runs are called.
#[must_use]
pub fn comparison(
    comparison: &Comparison,
    names: [&str; 2],
    lang: Lang,
    detail: ComparedCells,
    width: u16,
) -> String {
    comparison::text(comparison, names, lang.words(), detail, width)
}
