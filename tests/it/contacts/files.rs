//! Contacts as files.

use harness::client::Call;
use harness::{Reply, TestApp};
use serde_json::{Value, json};

use super::{contact_of, id, made};

fn import(app: &TestApp, file: impl Into<Vec<u8>>) -> Call {
    app.admin().act("/v1/contacts/import").bytes("text/csv", file)
}

async fn export(app: &TestApp) -> String {
    let reply = app.admin().get("/v1/contacts/export").await.expect(200);
    String::from_utf8(reply.body).unwrap()
}

fn outcomes(report: &Reply) -> Vec<String> {
    let lines = report["lines"].as_array().unwrap();
    lines
        .iter()
        .map(|line| {
            let errors = line["errors"].as_array().unwrap().iter();
            let errors = errors.map(|error| {
                format!(" {}:{}", error["column"].as_str().unwrap(), error["code"].as_str().unwrap())
            });
            format!("{} {}{}", line["line"], line["outcome"].as_str().unwrap(), errors.collect::<String>())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_are_right_are_taken_and_the_others_are_named() {
    let app = TestApp::start().await;
    let budi = made(&app, json!({ "name": "Budi", "phone": "6281234567891", "company": "PT Lama", "attributes": { "pesanan": 3 } })).await;
    let file = "\u{FEFF}Nama Panggilan;name;phone;email;company;pesanan\r\n\
        ani;Ani Wijaya;+62 812-3456-7890;ani@a.example;\"PT \"\"Tani\"\"; Makmur\";=1+1\r\n\
        ;Budi;0062 812 3456 7891;;;3\r\n\
        ;;6281234567891;;;\r\n\
        \r\n\
        ;Cici;0812;bukan-alamat;;\r\n\
        ;;6281234567893;;;\r\n\
        ;Dedi;6281234567894;;;;lebih\r\n\
        ;Eka;6281234567890;;;\r\n\
        ;Feri;;;PT Baru;\r\n";
    let rows = app.database.snapshot();
    let tried = app.admin().act("/v1/contacts/import?dry_run=true").bytes("text/csv", file).await.expect(200);
    assert_eq!((&tried["created"], &tried["dry_run"]), (&json!(2), &json!(true)));
    assert_eq!(app.database.snapshot(), rows);
    let mut log = app.follow().await;
    let report = import(&app, file).key("satu").await.expect(200);
    let expected = [
        "2 created",
        "3 unchanged",
        "4 failed :duplicate",
        "6 failed phone:phone email:email",
        "7 failed name:required",
        "8 failed :columns",
        "9 failed :duplicate",
        "10 created",
    ];
    let mut found = outcomes(&report);
    found
        .iter_mut()
        .for_each(|line| *line = line.replace("email:email phone:phone", "phone:phone email:email"));
    assert_eq!(found, expected);
    assert_eq!(outcomes(&tried), outcomes(&report));
    assert_eq!(
        (&report["created"], &report["unchanged"], &report["failed"]),
        (&json!(2), &json!(1), &json!(5))
    );
    // Twice is once.
    assert_eq!(import(&app, file).key("satu").await.expect(200).json, report.json);
    assert_eq!(app.count("contacts"), 3);
    let ani = format!("/v1/contacts/{}", report["lines"][0]["contact_id"].as_str().unwrap());
    let ani = app.admin().get(ani).await.expect(200);
    assert_eq!((&ani["phone"], &ani["company"]), (&json!("6281234567890"), &json!("PT \"Tani\"; Makmur")));
    assert_eq!(ani["attributes"], json!({ "nama_panggilan": "ani", "pesanan": "=1+1" }));
    log.rest().await;
    assert_eq!(log.names(), ["contact.created", "contact.created"]);

    // By the number, or the id; what is empty stays.
    let update =
        format!("id,name,phone,company,pesanan\n,Budi Santoso,6281234567891,,4\n{},,,PT Wijaya,\n", ani.id());
    let report = import(&app, update).await.expect(200);
    assert_eq!(outcomes(&report), ["2 updated", "3 updated"]);
    let budi = app.admin().get(&budi).await.expect(200);
    assert_eq!(
        (&budi["name"], &budi["company"], &budi["attributes"]),
        (&json!("Budi Santoso"), &json!("PT Lama"), &json!({ "pesanan": "4" }))
    );
    let wrong = format!("id,phone\n{},6281234567891\n0192f000-0000-7000-8000-000000000000,\nx,\n", ani.id());
    let report = import(&app, wrong).await.expect(200);
    assert_eq!(outcomes(&report), ["2 failed phone:taken", "3 failed id:unknown", "4 failed id:unknown"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_exported_changes_nothing_when_it_is_imported() {
    let app = TestApp::start().await;
    let hostile = json!({ "name": "=HYPERLINK(\"http://x\")", "phone": "6281234567890", "company": "@PT, \"A\"",
        "attributes": { "formel": "'=1", "teks": " dua\nbaris ", "angka": -3.5, "ya": true, "kutip": "''-" } });
    made(&app, hostile).await;
    made(&app, json!({ "name": "Budi" })).await;
    // A provider tells names that nobody could type.
    let conversation = app.conversation("6281234567891", "Halo").await;
    app.database.execute("UPDATE contacts SET name = E'\\u200d Ani \\u202e' WHERE phone = '6281234567891'");
    let blocked = contact_of(&app, &conversation).await;
    app.admin().act(format!("{blocked}/block")).await.expect(200);
    let file = export(&app).await;
    assert!(
        file.starts_with(
            "id,name,phone,email,company,blocked_at,opted_out_at,created_at,angka,formel,kutip,teks,ya\r\n"
        ),
        "{file}"
    );
    assert!(file.contains("\"'=HYPERLINK(\"\"http://x\"\")\""), "{file}");
    let cells = csv_cells(&file);
    assert!(cells.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{cells:?}");
    let rows = app.database.snapshot();
    let report = import(&app, file.clone()).await.expect(200);
    assert_eq!((&report["unchanged"], &report["failed"]), (&json!(3), &json!(0)), "{:#}", report.json);
    assert_eq!(app.database.snapshot(), rows);
    // Into another workspace the ids mean nothing: without them everything is new.
    let mut log = app.follow().await;
    let moved = file.replacen(id(&blocked), "", 1);
    assert_eq!(import(&app, moved).await.expect(200)["unchanged"], 3, "by its number");
    assert!(log.rest().await.is_empty());
}

fn csv_cells(file: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new().from_reader(file.as_bytes());
    reader
        .records()
        .flat_map(|record| record.unwrap().iter().map(ToOwned::to_owned).collect::<Vec<_>>())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_is_taken_whole_and_what_is_too_large_is_refused() {
    let app = TestApp::start().await;
    let lines =
        |count: usize| (0..count).map(|n| format!("Pelanggan {n},62813{n:08},{n}\n")).collect::<String>();
    let header = "name,phone,nomor\n";
    let report = import(&app, format!("{header}{}", lines(5000))).await.expect(200);
    assert_eq!(report["created"], 5000);
    let report =
        import(&app, format!("{header}{}", lines(5000).replace("Pelanggan", "Bapak"))).await.expect(200);
    assert_eq!((&report["updated"], app.count("contacts WHERE version = 2")), (&json!(5000), 5000));
    assert_eq!(export(&app).await.lines().count(), 5001);
    let rows = app.database.snapshot();
    import(&app, format!("{header}{}", lines(5001))).await.problem(422, "validation_failed");
    import(&app, format!("name\n{}", "x".repeat(1024 * 1024))).await.problem(413, "payload_too_large");
    import(&app, b"name\n\xff\xfe".to_vec()).await.problem(422, "validation_failed");
    import(&app, "").await.problem(422, "validation_failed");
    app.admin()
        .act("/v1/contacts/import")
        .bytes("application/json", "[]")
        .await
        .problem(415, "unsupported_media_type");
    app.supervisor().get("/v1/contacts/export").await.problem(403, "forbidden");
    assert_eq!(app.database.snapshot(), rows);
    assert_eq!(app.admin().get("/v1/contacts/export").await.expect(200).json, Value::Null);
}
