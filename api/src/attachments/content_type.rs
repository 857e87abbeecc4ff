//! What a file is, by its bytes. Neither its name nor what its sender says of it counts.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use domain::attachment::AttachmentKind;

/// Of so many bytes at the beginning the type, and the size of a picture, are read.
const HEAD_BYTES: usize = 256 * 1024;

/// What is looked for in all of a file: markup, which has no place in a picture; and the names of the parts by which
/// documents of Office differ that are all archives, or all of Microsoft's older container.
const NEEDLES: [(&[u8], Mark); 12] = [
    (b"<script", Mark::Markup),
    (b"<html>", Mark::Markup),
    (b"<html ", Mark::Markup),
    (b"<!doctype html", Mark::Markup),
    (b"<iframe", Mark::Markup),
    (b"<svg xmlns", Mark::Markup),
    (b"word/document.xml", Mark::Word),
    (b"xl/workbook.xml", Mark::Excel),
    (b"ppt/presentation.xml", Mark::PowerPoint),
    (b"W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0", Mark::Word),
    (b"W\0o\0r\0k\0b\0o\0o\0k\0", Mark::Excel),
    (b"P\0o\0w\0e\0r\0P\0o\0i\0n\0t\0 \0D\0o\0c\0", Mark::PowerPoint),
];

/// As many bytes of a chunk are looked at once more with the next one.
const OVERLAP: usize = 32;

const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

const UNKNOWN: &str = "application/octet-stream";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Markup,
    Word,
    Excel,
    PowerPoint,
}

static SEARCH: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let needles = NEEDLES.iter().map(|(needle, _)| needle);
    let built = AhoCorasick::builder().ascii_case_insensitive(true).build(needles);
    let Ok(search) = built else { unreachable!("a dozen short words fit") };
    search
});

/// Looks at the bytes of a file as they pass.
#[derive(Debug, Default)]
pub(super) struct Sniffer {
    head: Vec<u8>,
    tail: Vec<u8>,
    marks: Vec<Mark>,
    binary: bool,
}

impl Sniffer {
    /// The next bytes.
    pub(super) fn look(&mut self, bytes: &[u8]) {
        let room = HEAD_BYTES.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        self.binary |= bytes.iter().any(|byte| matches!(byte, 0..=8 | 11 | 14..=26 | 28..=31 | 127));
        // A needle may lie across two chunks.
        self.tail.extend_from_slice(bytes);
        for found in SEARCH.find_overlapping_iter(&self.tail) {
            let mark = NEEDLES[found.pattern().as_usize()].1;
            if !self.marks.contains(&mark) {
                self.marks.push(mark);
            }
        }
        self.tail.drain(..self.tail.len().saturating_sub(OVERLAP));
    }

    /// What it is. The same container holds sound alone or with a picture: then its kind says which.
    pub(super) fn content_type(&self, kind: AttachmentKind) -> &'static str {
        let head = self.head.as_slice();
        if head.get(4..8) == Some(b"ftyp") {
            return container(head, kind);
        }
        if head.starts_with(OLE) {
            return self.office(
                "application/msword",
                "application/vnd.ms-excel",
                "application/vnd.ms-powerpoint",
                UNKNOWN,
            );
        }
        if head.starts_with(b"PK\x03\x04") {
            return open_document(head).unwrap_or_else(|| {
                self.office(
                    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
                    "application/zip",
                )
            });
        }
        // It begins like a script.
        if head.starts_with(b"#!AMR") {
            return "audio/amr";
        }
        match infer::get(head).map(|found| found.mime_type()) {
            Some("audio/opus" | "application/ogg" | "video/ogg") => "audio/ogg",
            Some("audio/x-aac") => "audio/aac",
            Some("audio/m4a") => "audio/mp4",
            Some(known) => known,
            None => self.text().unwrap_or(UNKNOWN),
        }
    }

    /// Whether it has something in it that a browser might run if it were taken for a page.
    pub(super) fn hides_markup(&self) -> bool {
        self.marks.contains(&Mark::Markup)
    }

    /// Width and height of a picture; only its head is read, nothing is unpacked.
    pub(super) fn dimensions(&self) -> Option<(i32, i32)> {
        let size = imagesize::blob_size(&self.head).ok()?;
        Some((i32::try_from(size.width).ok()?, i32::try_from(size.height).ok()?))
    }

    fn office(
        &self,
        word: &'static str,
        excel: &'static str,
        power_point: &'static str,
        other: &'static str,
    ) -> &'static str {
        let part = self.marks.iter().find(|mark| **mark != Mark::Markup);
        match part {
            Some(Mark::Word) => word,
            Some(Mark::Excel) => excel,
            Some(Mark::PowerPoint) => power_point,
            Some(Mark::Markup) | None => other,
        }
    }

    /// Words of whatever encoding that has no control characters; what begins like markup is none.
    fn text(&self) -> Option<&'static str> {
        let head = self.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.head);
        let first = head.trim_ascii_start().first();
        match first {
            _ if self.binary => None,
            Some(b'<') => Some("text/html"),
            _ => Some("text/plain"),
        }
    }
}

/// MP4 and its kin, by the brand.
fn container(head: &[u8], kind: AttachmentKind) -> &'static str {
    match head.get(8..11) {
        Some(b"3gp" | b"3g2") => "video/3gpp",
        Some(b"M4A" | b"M4B") => "audio/mp4",
        Some(b"qt ") => "video/quicktime",
        Some(b"hei" | b"hev" | b"mif" | b"avi" | b"crx" | b"jp2") => UNKNOWN,
        _ if kind == AttachmentKind::Audio => "audio/mp4",
        _ => "video/mp4",
    }
}

/// OpenDocument has its type uncompressed at the beginning.
fn open_document(head: &[u8]) -> Option<&'static str> {
    let words = head.get(30..)?.strip_prefix(b"mimetypeapplication/vnd.oasis.opendocument.")?;
    if words.starts_with(b"text") {
        Some("application/vnd.oasis.opendocument.text")
    } else if words.starts_with(b"spreadsheet") {
        Some("application/vnd.oasis.opendocument.spreadsheet")
    } else if words.starts_with(b"presentation") {
        Some("application/vnd.oasis.opendocument.presentation")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Sniffer;
    use domain::attachment::AttachmentKind::{Audio, Document};

    fn sniffed(bytes: &[u8], chunk: usize) -> Sniffer {
        let mut sniffer = Sniffer::default();
        bytes.chunks(chunk).for_each(|chunk| sniffer.look(chunk));
        sniffer
    }

    #[test]
    fn bytes_say_what_they_are_however_they_come() {
        let ole = [super::OLE, &[0; 600], b"W\0o\0r\0k\0b\0o\0o\0k\0\0"].concat();
        let docx = [b"PK\x03\x04".as_slice(), &[0; 3000], b"word/document.xmlPK\x05\x06"].concat();
        let odt = [b"PK\x03\x04".as_slice(), &[0; 26], b"mimetypeapplication/vnd.oasis.opendocument.textPK"]
            .concat();
        for (bytes, kind, content_type) in [
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), Document, "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", Document, "image/jpeg"),
            (b"RIFF\x04\0\0\0WEBPVP8 ", Document, "image/webp"),
            (b"GIF89a\x01\0\x01\0", Document, "image/gif"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0", Document, "video/mp4"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0", Audio, "audio/mp4"),
            (b"\0\0\0\x18ftyp3gp4\0\0\0\0", Audio, "video/3gpp"),
            (b"\0\0\0\x18ftypM4A \0\0\0\0", Document, "audio/mp4"),
            (b"OggS\0\x02\0\0\0\0\0\0\0\0", Audio, "audio/ogg"),
            (b"#!AMR\n\x3c", Audio, "audio/amr"),
            (b"ID3\x04\0\0\0\0\0\0", Audio, "audio/mpeg"),
            (b"\xff\xf1\x50\x80\0\0", Audio, "audio/aac"),
            (b"%PDF-1.7\n", Document, "application/pdf"),
            (&ole, Document, "application/vnd.ms-excel"),
            (&docx, Document, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            (&odt, Document, "application/vnd.oasis.opendocument.text"),
            (b"PK\x03\x04\x14\0\0\0", Document, "application/zip"),
            (b"nama;jumlah\r\nkopi;2\r\n", Document, "text/plain"),
            ("naïve é".as_bytes(), Document, "text/plain"),
            (b"  <svg onload=alert(1)>", Document, "text/html"),
            (b"\xef\xbb\xbf<p>", Document, "text/html"),
            (b"#!/bin/sh\nrm -rf", Document, "text/x-shellscript"),
            (b"MZ\x90\0\x03\0\0\0", Document, "application/vnd.microsoft.portable-executable"),
            (b"\x01\x02\x03\x04", Document, "application/octet-stream"),
        ] {
            for chunk in [1, 7, 4096] {
                let found = sniffed(bytes, chunk).content_type(kind);
                assert_eq!(found, content_type, "{}", String::from_utf8_lossy(bytes));
            }
        }
    }

    #[test]
    fn markup_is_found_across_chunks_and_in_any_case() {
        let picture = [b"\xff\xd8\xff\xe0".as_slice(), &[0x41; 1000], b"<ScRiPt src=x>"].concat();
        for chunk in [1, 3, 1001, 4096] {
            assert!(sniffed(&picture, chunk).hides_markup(), "{chunk}");
        }
        assert!(!sniffed(&[0x41; 5000], 100).hides_markup());
    }
}
