//! Files of each type, small and real enough, and conversations to send them in.

use harness::{Caller, Customer, TestApp, eventually};
use serde_json::{Value, json};

use crate::support::claimed;

/// The channels, and a customer of each.
pub const CHANNELS: [(&str, &str); 3] =
    [("whatsapp", "6281234567890"), ("messenger", "7412583690147258"), ("telegram", "7512345678")];

/// The kind to upload as, the content type, a name, the bytes.
pub type Sample = (&'static str, &'static str, &'static str, Vec<u8>);

/// One file of each type that somebody might send.
pub fn samples() -> Vec<Sample> {
    let docx = [b"PK\x03\x04".as_slice(), &[0; 300], b"word/document.xmlPK\x05\x06"].concat();
    let office = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    vec![
        ("image", "image/jpeg", "foto.jpg", jpeg()),
        ("image", "image/png", "peta.png", png()),
        ("image", "image/webp", "stiker.webp", webp()),
        ("video", "video/mp4", "video.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0video".to_vec()),
        ("video", "video/3gpp", "video.3gp", b"\0\0\0\x18ftyp3gp4\0\0\0\0video".to_vec()),
        ("audio", "audio/mpeg", "lagu.mp3", b"ID3\x04\0\0\0\0\0\0lagu".to_vec()),
        ("audio", "audio/mp4", "lagu.m4a", b"\0\0\0\x18ftypM4A \0\0\0\0lagu".to_vec()),
        ("audio", "audio/ogg", "suara.ogg", b"OggS\0\x02\0\0\0\0\0\0\0\0suara".to_vec()),
        ("audio", "audio/aac", "suara.aac", b"\xff\xf1\x50\x80\0\0suara".to_vec()),
        ("audio", "audio/amr", "suara.amr", b"#!AMR\n\x3csuara".to_vec()),
        ("document", "application/pdf", "faktur.pdf", b"%PDF-1.7\nfaktur".to_vec()),
        ("document", "text/plain", "catatan.txt", b"nama;jumlah\nkopi;2\n".to_vec()),
        ("document", office, "surat.docx", docx),
        ("document", "application/zip", "arsip.zip", b"PK\x03\x04\x14\0\0\0arsip".to_vec()),
        ("document", "image/jpeg", "pindaian.jpg", jpeg()),
    ]
}

fn jpeg() -> Vec<u8> {
    let frame = b"\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00\xff\xd9";
    [b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00".as_slice(), frame].concat()
}

fn png() -> Vec<u8> {
    let size = b"\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90\x77\x53\xde";
    [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), size].concat()
}

fn webp() -> Vec<u8> {
    b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec()
}

/// Uploads a file and answers its id.
pub async fn upload(caller: &Caller, (kind, _, name, bytes): &Sample) -> String {
    let edge = "batas-dari-tes";
    let mut body = format!(
        "--{edge}\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\n{kind}\r\n--{edge}\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{edge}--\r\n").as_bytes());
    let media_type = format!("multipart/form-data; boundary={edge}");
    caller.act("/v1/attachments").bytes(&media_type, body).await.expect(201).id()
}

/// The sample of this name.
pub fn sample(name: &str) -> Sample {
    samples().into_iter().find(|sample| sample.2 == name).unwrap()
}

/// A conversation that agent 0 holds, and its customer.
pub async fn held(app: &TestApp, (channel, id): (&str, &str)) -> (Customer, String) {
    let customer = app.customer(channel, id);
    customer.writes("Halo").await;
    (customer, claimed(app, &app.agent(0), channel).await)
}

/// What the customer received as the `number`th, once it is there.
pub async fn received(customer: &Customer, number: usize) -> Value {
    eventually(&format!("message {number} at the customer"), || async {
        customer.received().await.get(number - 1).cloned()
    })
    .await
}

/// A body of this kind that is good on every channel that has the kind; files are uploaded by the caller.
pub fn good(kind: &str) -> Value {
    let mut body = match kind {
        "text" => json!({ "text": "Siap kak" }),
        "location" => json!({ "location": { "latitude": -6.2088, "longitude": 106.8456,
            "name": "Toko Tani", "address": "Jl. Melati 7" } }),
        "interactive" => json!({ "text": "Ukuran?", "interactive": { "type": "buttons",
            "buttons": [{ "id": "s", "title": "Kecil" }, { "id": "l", "title": "Besar" }] } }),
        _ => json!({}),
    };
    body["kind"] = json!(kind);
    body
}
