//! Forms with files, as browsers send them.

use reqwest::Method;

use crate::client::{Call, Caller};

/// Separates the parts of every form here; no file of a test has it.
const BOUNDARY: &str = "----boundary-of-the-tests";

/// One part of a form.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Its name.
    pub name: &'a str,
    /// The name of its file, as it is in the header; `None`: it is a word.
    pub filename: Option<&'a str>,
    /// What it says.
    pub bytes: &'a [u8],
}

/// The content type and the bytes of a form.
#[must_use]
pub fn form(parts: &[Part<'_>]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for part in parts {
        let name = part.name;
        body.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"").bytes());
        if let Some(filename) = part.filename {
            // A lie, which counts for nothing.
            body.extend(format!("; filename=\"{filename}\"\r\nContent-Type: image/png").bytes());
        }
        body.extend(b"\r\n\r\n");
        body.extend(part.bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

impl Caller {
    /// Starts the upload of a file.
    pub fn upload(&self, kind: &str, filename: &str, bytes: &[u8]) -> Call {
        self.send_form(&[
            Part { name: "kind", filename: None, bytes: kind.as_bytes() },
            Part { name: "file", filename: Some(filename), bytes },
        ])
    }

    /// Starts sending a form of uploads.
    pub fn send_form(&self, parts: &[Part<'_>]) -> Call {
        let (content_type, body) = form(parts);
        self.call(Method::POST, "/v1/attachments").bytes(&content_type, body)
    }
}
