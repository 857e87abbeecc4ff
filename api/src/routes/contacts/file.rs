//! Contacts as lines of a CSV file.

use std::collections::{BTreeMap, BTreeSet};

use csv::{ReaderBuilder, StringRecord};
use domain::contact::{FIELDS, attribute_name};
use domain::refusal::{Code, Refusal};
use domain::resource::Contact;
use domain::time::Timestamp;

use crate::ops::contacts::{ImportRow, attribute_text};

/// The largest file, in bytes.
const FILE_MAX_BYTES: usize = 1024 * 1024;
/// The most lines of a file, without the header.
const LINES_MAX: usize = 5000;
/// The most columns of a file.
const COLUMNS_MAX: usize = 300;

/// The lines of a file; empty ones are left out.
///
/// # Errors
/// `payload_too_large`; `validation_failed` if it is not UTF-8, or its header cannot be understood.
pub fn read(bytes: &[u8]) -> Result<Vec<ImportRow>, Refusal> {
    if bytes.len() > FILE_MAX_BYTES {
        return Err(Code::PayloadTooLarge.into());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("encoding", "the file must be UTF-8"))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut columns: Option<Vec<Option<String>>> = None;
    let (mut rows, mut lines) = (Vec::new(), Lines::of(text));
    for record in reader.records() {
        let record = record.map_err(|_| wrong("csv", "the file cannot be read as CSV"))?;
        let Some(columns) = &columns else {
            columns = Some(header(&record)?);
            continue;
        };
        let line = lines.at(record.position().map_or(0, csv::Position::byte));
        if record.iter().all(str::is_empty) {
            continue;
        }
        if rows.len() == LINES_MAX {
            return Err(wrong("too_many", &format!("a file has at most {LINES_MAX} lines")));
        }
        rows.push(row(columns, &record, line));
    }
    if columns.is_none() {
        return Err(wrong("required", "the file is empty"));
    }
    Ok(rows)
}

/// Counts the lines of a file from its beginning on, as an editor does. (What the reader counts begins before the line
/// feed of the line before.)
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        Self { text: text.as_bytes(), at: 0, line: 1 }
    }

    /// The line in which the record begins that comes next after a place; places only go up.
    fn at(&mut self, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX);
        while let Some(here) = self.text.get(self.at) {
            let is_end = matches!(here, b'\n' | b'\r');
            if self.at >= byte && !is_end {
                break;
            }
            self.line += u64::from(*here == b'\n');
            self.at += 1;
        }
        self.line
    }
}

fn wrong(code: &'static str, detail: &str) -> Refusal {
    Refusal::invalid("", code, detail)
}

/// What most often stands between the names of the columns.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| header.bytes().filter(|byte| byte == delimiter).count();
    // Of those that come equally often the last is taken.
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

/// The columns; one without a name is passed over.
fn header(record: &StringRecord) -> Result<Vec<Option<String>>, Refusal> {
    if record.len() > COLUMNS_MAX {
        return Err(wrong("too_many", &format!("a file has at most {COLUMNS_MAX} columns")));
    }
    let (mut known, mut columns) = (BTreeSet::new(), Vec::with_capacity(record.len()));
    for (at, cell) in record.iter().enumerate() {
        let name: String = cell.trim().to_lowercase().replace([' ', '-'], "_");
        let place = format!("/{at}");
        if name.is_empty() {
            columns.push(None);
            continue;
        }
        if !FIELDS.contains(&name.as_str()) {
            attribute_name(&place, &name)?;
        }
        if !known.insert(name.clone()) {
            return Err(Refusal::invalid(place, "duplicate", "another column has this name"));
        }
        columns.push(Some(name));
    }
    let tells = |field: &str| known.contains(field);
    if !tells("id") && !tells("name") && !tells("phone") {
        return Err(wrong("required", "the first line must name a column id, name or phone"));
    }
    Ok(columns)
}

fn row(columns: &[Option<String>], record: &StringRecord, line: u64) -> ImportRow {
    let mut cells = BTreeMap::new();
    for (column, cell) in columns.iter().zip(record) {
        if let Some(column) = column
            && !cell.is_empty()
        {
            cells.insert(column.clone(), bared(cell).to_owned());
        }
    }
    ImportRow { line, cells, too_long: record.iter().skip(columns.len()).any(|cell| !cell.is_empty()) }
}

/// Whether a program for tables would take this for a formula, behind any number of `'`.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// A cell of an export without the `'` that keeps it from being a formula.
fn bared(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(cell)
}

/// A text as it is put into a cell, so that [`bared`] gives it back: [`crate::http::csv`] guards what is a formula itself.
fn guarded(text: String) -> String {
    if text.starts_with('\'') && is_formula(&text) { format!("'{text}") } else { text }
}

/// The columns of an export, with these attributes.
pub fn columns(attributes: &[String]) -> Vec<&str> {
    FIELDS.into_iter().chain(attributes.iter().map(String::as_str)).collect()
}

/// The cells of an export.
pub fn cells(contact: &Contact, attributes: &[String]) -> Vec<String> {
    let time = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.to_string());
    let text = |text: &Option<String>| guarded(text.clone().unwrap_or_default());
    let fields = [
        contact.id.to_string(),
        guarded(contact.name.clone()),
        text(&contact.phone),
        text(&contact.email),
        text(&contact.company),
        time(contact.blocked_at),
        time(contact.opted_out_at),
        time(Some(contact.created_at)),
    ];
    let others = attributes
        .iter()
        .map(|name| guarded(contact.attributes.get(name).map(attribute_text).unwrap_or_default()));
    fields.into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::{bared, guarded, read};

    #[test]
    fn a_guard_is_taken_off_again() {
        for text in ["Ani", "=1+1", "'=1+1", "''@x", "'", "'Ani", "-", "", "\tx", "+62"] {
            let guarded = guarded(text.to_owned());
            let formula = guarded.starts_with(['=', '+', '-', '@', '\t', '\r']);
            let cell = if formula { format!("'{guarded}") } else { guarded };
            assert_eq!(bared(&cell), text, "{cell:?}");
        }
    }

    #[test]
    fn files_of_all_programs_are_read() {
        for text in [
            "name,phone,Paket Kita\r\nAni,628,gold\r\n",
            "\u{FEFF}Name;Phone;paket-kita\nAni;628;gold",
            "NAME\tphone\tpaket_kita\t\r\n\r\nAni\t628\tgold\t\r\n",
            "\"name\",\"phone\",\"paket_kita\"\n\"Ani\",\"628\",\"gold\"\n,,\n",
        ] {
            let rows = read(text.as_bytes()).unwrap();
            let cells: Vec<_> =
                rows[0].cells.iter().map(|(name, cell)| (name.as_str(), cell.as_str())).collect();
            assert_eq!(cells, [("name", "Ani"), ("paket_kita", "gold"), ("phone", "628")], "{text:?}");
            assert_eq!((rows.len(), rows[0].too_long), (1, false));
        }
        let lines =
            |text: &str| read(text.as_bytes()).unwrap().iter().map(|row| row.line).collect::<Vec<_>>();
        assert_eq!(lines("name\r\nAni\r\n\r\n\"Bu\r\ndi\"\r\nCici\r\n"), [2, 4, 6]);
        let rows = read(b"name,phone\nAni,1,2\nBudi\n").unwrap();
        assert_eq!((rows[0].line, rows[0].too_long, rows[1].line, rows[1].too_long), (2, true, 3, false));
    }

    #[test]
    fn what_cannot_be_understood_is_refused_whole() {
        let code = |bytes: &[u8]| read(bytes).err().map(|refusal| refusal.errors[0].code);
        assert_eq!(code(b""), Some("required"));
        assert_eq!(code(b"\xff\xfe"), Some("encoding"));
        assert_eq!(code(b"email\nx"), Some("required"));
        assert_eq!(code(b"name,Name\nx"), Some("duplicate"));
        assert_eq!(code("name,\u{e9}\nx".as_bytes()), Some("attribute_name"));
        assert_eq!(code(format!("name\n{}", "x\n".repeat(5001)).as_bytes()), Some("too_many"));
    }
}
