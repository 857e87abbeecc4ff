#![allow(clippy::all, unused)]
use diesel::{Connection, PgConnection, RunQueryDsl, sql_query, QueryableByName, sql_types::Text};
use domain::access::*; use domain::agent::Role; use domain::conversation::Tab; use domain::time::Timestamp;
use persistence::conversations::{self, Filter}; use domain::search::CustomerSearch;
use std::time::Instant; use uuid::Uuid;
#[derive(QueryableByName)] struct T { #[diesel(sql_type=Text)] v: String }
fn md5(c: &mut PgConnection, s: &str) -> Uuid { sql_query(format!("select md5('{s}')::uuid::text as v")).get_result::<T>(c).unwrap().v.parse().unwrap() }
fn main() {
    let mut c = PgConnection::establish("host=/tmp/h-lists-pg port=5599 user=postgres dbname=t").unwrap(); for s in ["set jit=off","set max_parallel_workers_per_gather=0","set plan_cache_mode=force_generic_plan"] { sql_query(s).execute(&mut c).unwrap(); }
    let only = std::env::args().nth(1);
    let mut table: Vec<(String, Vec<(f64,f64,usize)>)> = vec![];
    for (wi, w) in ["bbbbbbbb-0000-4000-8000-000000000002", "aaaaaaaa-0000-4000-8000-000000000001"].iter().enumerate() {
        let ws: Uuid = w.parse().unwrap();
        let id = |c: &mut PgConnection, s: &str| md5(c, &format!("{w} {s}"));
        let own = id(&mut c, "agent 7");
        let scope = |others, restricted_to, only| Scope { own: own.into(), others, restricted_to, only_channels: only };
        let chans: Vec<domain::id::ChannelId> = vec![id(&mut c, "channel 1").into(), id(&mut c, "channel 2").into()];
        let div = id(&mut c, "division 1");
        let scopes = vec![("admin", scope(Seen::Everything, None, None)),
          ("superv", scope(Seen::HeldBy{agents: (0..5).map(|n| id(&mut c,&format!("agent {n}")).into()).collect(), unassigned: true}, None, None)),
          ("alloc", scope(Seen::Everything, Some(domain::actor::Allocation{channels: chans.clone(), divisions: vec![div.into()]}), None))];
        let mut filters: Vec<(String, Filter)> = vec![];
        for t in [Tab::Mine, Tab::All, Tab::Unassigned, Tab::Archived] { filters.push((format!("{t:?}"), Filter::of(t))); }
        let all = || Filter::of(Tab::All);
        for l in ["common","usual","rare","old"] { filters.push((format!("label {l}"), Filter{labels: vec![id(&mut c,&format!("label {l}")).into()], ..all()})); }
        filters.push(("unread".into(), Filter{unread:true, ..all()}));
        filters.push(("mine unread".into(), Filter{unread:true, ..Filter::of(Tab::Mine)}));
        filters.push(("archived unread".into(), Filter{unread:true, ..Filter::of(Tab::Archived)}));
        filters.push(("kind telegram".into(), Filter{channel_kinds: vec![domain::channel::ChannelKind::Telegram], ..all()}));
        filters.push(("division".into(), Filter{divisions: vec![div.into()], ..all()}));
        filters.push(("agent".into(), Filter{agents: vec![id(&mut c,"agent 3").into()], ..all()}));
        for q in ["budi","xaverius quiroz","a","x","q","z","dew","quiroz","san","yosan","0812 0000 12","62812","0001","id.8800000000000077","budi sanja","9","zzz"] { filters.push((format!("q {q}"), Filter{search: Some(CustomerSearch::of("q", q).unwrap()), ..all()})); }
        filters.push(("q budi archived".into(), Filter{search: Some(CustomerSearch::of("q", "budi").unwrap()), ..Filter::of(Tab::Archived)}));
        filters.push(("q budi+usual".into(), Filter{labels: vec![id(&mut c,"label usual").into()], search: Some(CustomerSearch::of("q", "budi").unwrap()), ..all()}));
        let now = Timestamp::from_unix_seconds(1_795_300_000).unwrap();
        for (sn, s) in &scopes {
            let v = Visible { workspace_id: ws.into(), agent_id: own.into(), role: Role::Agent, conversations: s.clone(), tickets: s.clone(), kinds: None };
            let mut line = |name: String, f: &mut dyn FnMut(&mut PgConnection)->usize| {
                if only.as_ref().is_some_and(|o| !name.contains(o.as_str())) { return; }
                let mut n=0; let b=Instant::now(); for _ in 0..7 { n = f(&mut c); if b.elapsed().as_millis()>700 {break;} }
                let mut ts: Vec<f64> = vec![]; let b=Instant::now(); while ts.len()<30 && b.elapsed().as_millis()<500 { let b = Instant::now(); f(&mut c); ts.push(b.elapsed().as_secs_f64()*1000.0); }
                ts.sort_by(f64::total_cmp);
                let r = (ts[ts.len()/2], ts[ts.len()-1], n);
                if wi==1 { eprintln!("{name} {r:?}"); }
                match table.iter_mut().find(|(k,_)| *k==name) { Some((_,v)) => v.push(r), None => table.push((name, vec![r])) }
            };
            for (n, f) in &filters { line(format!("{sn} {n}"), &mut |c| conversations::list(c, &v, f, None, 26, now).unwrap().len()); }
            line(format!("{sn} counts"), &mut |c| { conversations::counts(c, &v).unwrap(); 0 });
        }
    }
    for (k, v) in table { print!("{k:<32}"); for (a,b,n) in &v { print!(" {a:7.2} {b:7.2} ({n:>2})"); } println!("  ratio p50 {:.2}", v[1].0/v[0].0); }
}
