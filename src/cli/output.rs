//! Printing: lines and aligned tables for people, JSON for programs, colour on a terminal only.
//!
//! What feeds and servers say is cleaned before it is printed: a title must not be able to drive the terminal.

use std::fmt::Display;
use std::io::Write as _;

use comfy_table::{Attribute, Cell, ContentArrangement};
use serde::Serialize;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::args::{Color, Global};
use super::{Failure, Result};
use crate::domain::text;

/// The few styles there are.
pub mod style {
    use clap::builder::styling::{AnsiColor, Style};

    /// What a section or column is about.
    pub const HEADING: Style = Style::new().bold();
    /// What matched.
    pub const HIT: Style = AnsiColor::Yellow.on_default().bold();
    /// What went well.
    pub const GOOD: Style = AnsiColor::Green.on_default();
    /// What needs a look.
    pub const WARNING: Style = AnsiColor::Yellow.on_default();
    /// What went wrong.
    pub const ERROR: Style = AnsiColor::Red.on_default().bold();
    /// What to do about it.
    pub const HELP: Style = AnsiColor::Cyan.on_default();
    /// What can be passed over.
    pub const DIM: Style = Style::new().dimmed();
}

/// Obeys `--color` in everything printed after this.
pub fn set_color(color: Color) {
    let choice = match color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// `text` in a style; printing strips it again where there is no terminal.
pub fn paint(style: clap::builder::styling::Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// What came from outside, as one line that cannot drive the terminal.
pub fn plain(text: &str) -> String {
    text::clean(text)
}

/// A part of a line from outside: like [`plain`], with the space at its ends kept.
pub fn plain_part(text: &str) -> String {
    let space = |edge: Option<char>| if edge.is_some_and(char::is_whitespace) { " " } else { "" };
    let cleaned = text::clean(text);
    if cleaned.is_empty() {
        return space(text.chars().next()).to_owned();
    }
    format!("{}{cleaned}{}", space(text.chars().next()), space(text.chars().next_back()))
}

/// Prints what was asked for, as one line or several.
pub fn line(text: impl Display) -> Result<()> {
    writeln!(anstream::stdout().lock(), "{text}").map_err(|error| Failure::printing(&error))
}

/// Prints the title of a section.
pub fn heading(text: &str) -> Result<()> {
    line(format!("\n{}", paint(style::HEADING, text)))
}

/// `1 source`, `2 sources`.
pub fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// Prints what is good to know, unless `--quiet`.
pub fn say(global: &Global, text: impl Display) -> Result<()> {
    if global.quiet { Ok(()) } else { line(text) }
}

/// Prints a line for programs as it is: anstream would take control characters out of texts.
pub fn raw_line(text: impl Display) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(|error| Failure::printing(&error))
}

/// Prints a value as indented JSON.
pub fn json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(super::Exit::Io, format!("cannot print: {error}")))?;
    raw_line(text)
}

/// A table: as wide as the terminal there, and with every cell whole in a pipe.
pub struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    right: Vec<usize>,
    cut: Vec<usize>,
    tail: bool,
}

/// Between two columns.
const GAP: usize = 2;
/// A column that may be cut keeps at least this.
const LEAST: usize = 16;

impl Table {
    /// A table with these columns. Cells that do not fit the terminal are wrapped.
    pub fn new(columns: &[&str]) -> Self {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        Self { columns, rows: Vec::new(), right: Vec::new(), cut: Vec::new(), tail: false }
    }

    /// Adds a row; the cells may come from anywhere.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(|cell| text::clean(cell.as_ref())).collect());
    }

    /// Sets columns of numbers flush right.
    pub fn right(&mut self, columns: &[usize]) {
        self.right.extend(columns);
    }

    /// Has these columns cut, and nothing wrapped, on a terminal that is too narrow.
    pub fn cut(&mut self, columns: &[usize]) {
        self.cut.extend(columns);
    }

    /// Has the last column under its row, on a terminal that is too narrow.
    pub fn tail_below(&mut self) {
        self.tail = true;
    }

    /// Prints the table.
    pub fn print(self) -> Result<()> {
        line(self.text())
    }

    /// The table as text.
    pub fn text(self) -> String {
        let width = comfy_table::Table::new().width().map(usize::from);
        self.lines(width).join("\n")
    }

    /// The lines of the table on a terminal of that width, or whole.
    fn lines(mut self, width: Option<usize>) -> Vec<String> {
        let mut below = Vec::new();
        if let Some(width) = width.filter(|_| !self.cut.is_empty()) {
            if self.tail && self.least() > width {
                self.columns.pop();
                below = self.rows.iter_mut().filter_map(Vec::pop).collect();
            }
            self.fit(width);
        }
        let mut lines = Vec::new();
        let table = self.drawn(width);
        for (number, drawn) in table.lines().enumerate() {
            lines.push(drawn.trim_end().to_owned());
            // The header is no row.
            let tail = number.checked_sub(1).and_then(|row| below.get(row));
            if let Some(tail) = tail.filter(|tail| !tail.is_empty()) {
                let dim = |part: String| format!("  {}", paint(style::DIM, part));
                lines.extend(
                    wrapped(tail, width.unwrap_or(usize::MAX).saturating_sub(GAP)).into_iter().map(dim),
                );
            }
        }
        lines
    }

    /// The width of every column with nothing cut.
    fn widths(&self) -> Vec<usize> {
        let width = |(column, name): (usize, &String)| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
            cells.chain([name.width()]).max().unwrap_or(0)
        };
        self.columns.iter().enumerate().map(width).collect()
    }

    /// The least width at which every column that is not cut stands whole.
    fn least(&self) -> usize {
        let width = |(column, width): (usize, usize)| {
            GAP + if self.cut.contains(&column) { width.min(2 * LEAST) } else { width }
        };
        self.widths().into_iter().enumerate().map(width).sum()
    }

    /// Cuts the widest cells until the table fits.
    fn fit(&mut self, width: usize) {
        let mut widths = self.widths();
        let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len();
        while total(&widths) > width {
            let widest = self.cut.iter().copied().filter(|column| *column < widths.len());
            match widest.max_by_key(|column| widths[*column]) {
                Some(column) if widths[column] > LEAST => widths[column] -= 1,
                _ => break,
            }
        }
        for row in &mut self.rows {
            for (cell, width) in row.iter_mut().zip(&widths) {
                *cell = fitted(cell, *width);
            }
        }
    }

    fn drawn(&self, width: Option<usize>) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        table.load_preset(comfy_table::presets::NOTHING);
        match width {
            Some(width) if self.cut.is_empty() => {
                table.set_content_arrangement(ContentArrangement::Dynamic);
                table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
            }
            _ => {
                table.set_content_arrangement(ContentArrangement::Disabled);
            }
        }
        table.set_header(self.columns.iter().map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
        table.add_rows(&self.rows);
        for (number, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if self.right.contains(&number) {
                column.set_cell_alignment(comfy_table::CellAlignment::Right);
            }
        }
        table
    }
}

/// At most `width` columns of a text, with … where it is cut.
fn fitted(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if kept.width() + c.width().unwrap_or(0) + 1 > width {
            break;
        }
        kept.push(c);
    }
    format!("{}…", kept.trim_end())
}

/// A text in lines of at most `width` columns, broken between words; a longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feeds(width: Option<usize>) -> Vec<String> {
        let mut table = Table::new(&["SOURCE", "HEALTH", "HITS", "WHY"]);
        table.row(["Kazinform", "failing", "0", "the server has trouble of its own (503)"]);
        table.row(["The Observer of the Valley and the River", "fine", "12", ""]);
        table.row(["新华社新华社新华社新华社", "new", "0", "no"]);
        table.right(&[2]);
        table.cut(&[0]);
        table.tail_below();
        let plain = |line: String| anstream::adapter::strip_str(&line).to_string();
        table.lines(width).into_iter().map(plain).collect()
    }

    #[test]
    fn a_pipe_gets_every_cell_whole() {
        let lines = feeds(None);
        assert_eq!(lines.len(), 4);
        assert_eq!(
            lines[1],
            format!("{:<42}failing     0  the server has trouble of its own (503)", "Kazinform")
        );
        assert!(lines[2].starts_with("The Observer of the Valley and the River  fine       12"));
    }

    #[test]
    fn a_wide_terminal_keeps_the_columns() {
        assert_eq!(feeds(Some(140)), feeds(None));
    }

    #[test]
    fn a_narrow_terminal_has_reasons_below_and_names_cut() {
        let expected = [
            "SOURCE                  HEALTH   HITS",
            "Kazinform               failing     0",
            "  the server has trouble of its own",
            "  (503)",
            "The Observer of the V…  fine       12",
            "新华社新华社新华社新…   new         0",
            "  no",
        ];
        assert_eq!(feeds(Some(39)), expected);
    }
}
