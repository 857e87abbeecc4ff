//! Downloads as CSV (RFC 4180, UTF-8, with a header), row after row as they are read: however many there are, memory holds
//! a piece of them, and a reader that is slow holds nothing but its socket.

use std::future::Future;
use std::io;

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, ResponseError};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};

use super::problem::Problem;

/// The media type of a download.
pub const TEXT_CSV: &str = "text/csv; charset=utf-8; header=present";

/// Some rows, and where the next ones begin.
pub struct Piece<K> {
    /// The rows, each with as many cells as the header.
    pub rows: Vec<Vec<String>>,
    /// `None`: there are no more.
    pub next: Option<K>,
}

/// A download under this name: the header, the piece that was read already, and those that `read` answers. If one cannot be
/// read the connection is cut: the answer has no end, so that nobody takes a part for the whole.
pub fn download<K, F, R>(filename: &str, header: &[&str], first: Piece<K>, read: F) -> HttpResponse
where
    K: 'static,
    F: Fn(K) -> R + 'static,
    R: Future<Output = Result<Piece<K>, Problem>> + 'static,
{
    let mut begin = line(header.iter().copied());
    begin.push_str(&lines(&first.rows));
    let rest = stream::unfold((first.next, read), |(next, read)| async move {
        let piece = read(next?).await;
        Some(match piece {
            Ok(piece) => (Ok(Bytes::from(lines(&piece.rows))), (piece.next, read)),
            Err(problem) => {
                tracing::warn!(
                    code = problem.code().as_str(),
                    status = problem.status_code().as_u16(),
                    "a download was cut"
                );
                (Err(io::Error::other("the rest could not be read")), (None, read))
            }
        })
    });
    let body = stream::once(std::future::ready(Ok::<_, io::Error>(Bytes::from(begin)))).chain(rest);
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, TEXT_CSV))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{filename}\"")))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .streaming(body)
}

fn lines(rows: &[Vec<String>]) -> String {
    rows.iter().map(|row| line(row.iter().map(String::as_str))).collect()
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.map(cell).collect();
    cells.join(",") + "\r\n"
}

/// A cell that no program for tables takes for a formula: what begins like one gets a `'` in front.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::{cell, line};

    #[test]
    fn cells_stay_cells_and_are_no_formulas() {
        assert_eq!(line(["a", "", "b c"].into_iter()), "a,,b c\r\n");
        for (text, written) in [
            ("Budi, \"Bu\"", "\"Budi, \"\"Bu\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1,A2)", "\"'@SUM(A1,A2)\""),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("+62", "'+62"),
            ("-1", "'-1"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }
}
