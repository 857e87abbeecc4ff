//! The whole policy, printed: a changed rule is a readable difference in `access_matrix.txt`.

use domain::access::{
    Action, Candidate, KeyUse, Relation, Standing, Verdict, decide, may_assign_to, may_assign_to_division,
    may_read_tab, roles_for,
};
use domain::actor::{Actor, Via};
use domain::agent::Role;
use domain::conversation::Tab;
use domain::id::AgentId;
use domain::refusal::{Code, Refusal};
use uuid::Uuid;

/// Columns: the roles, and agents under each setting that narrows them.
fn callers() -> [(&'static str, Standing); 6] {
    let agent = Standing::free(Role::Agent);
    [
        ("admin", Standing::free(Role::Admin)),
        ("supervisor", Standing::free(Role::Supervisor)),
        ("agent", agent),
        ("- no view_all", Standing { view_all: false, ..agent }),
        ("- may not claim", Standing { agents_may_claim: false, ..agent }),
        ("- nor transfer", Standing { agents_may_claim: false, agents_may_transfer: false, ..agent }),
    ]
}

fn row(label: &str, cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().map(|cell| format!("{cell:<15}")).collect();
    format!("{label:<38} {}", cells.join(" ")).trim_end().to_owned()
}

fn heading(title: &str) -> Vec<String> {
    vec![String::new(), row(title, callers().map(|(name, _)| name.to_owned())), "-".repeat(130)]
}

fn agent(id: u128) -> AgentId {
    Uuid::from_u128(id).into()
}

/// The caller is agent 1; as a supervisor it supervises agent 2.
fn actor(who: Standing) -> Actor {
    Actor {
        workspace_id: Uuid::nil().into(),
        agent_id: agent(1),
        via: Via::SignIn(Uuid::nil().into()),
        name: "I".to_owned(),
        role: who.role,
        view_all: who.view_all,
        supervises: if who.role == Role::Supervisor { vec![agent(2)] } else { Vec::new() },
        restricted_to: None,
        agents_may_claim: who.agents_may_claim,
        agents_may_transfer: who.agents_may_transfer,
    }
}

fn matrix() -> String {
    let mut lines = vec![
        "Who may do what: yes, 403 (may know of it, not do it), 404 (may not know of it).".to_owned(),
        "Printed by access_matrix.rs from domain::access; a test compares.".to_owned(),
    ];
    lines.extend(heading("action, on a thing held by, or on"));
    for action in Action::ALL {
        for relation in Relation::ALL {
            let cell = |(_, who)| {
                match decide(who, *action, *relation) {
                    Verdict::Allowed => "yes",
                    Verdict::Forbidden => "403",
                    Verdict::Hidden => "404",
                }
                .to_owned()
            };
            lines.push(row(&format!("{action}, {relation}"), callers().map(cell)));
        }
    }
    lines.extend(heading("tab"));
    for tab in Tab::ALL {
        let cell = |(_, who)| if may_read_tab(&actor(who), *tab).is_ok() { "yes" } else { "403" }.to_owned();
        lines.push(row(tab.as_str(), callers().map(cell)));
    }
    lines.extend(heading("give a conversation to"));
    let own =
        |role| ("self".to_owned(), Candidate { agent_id: agent(1), name: String::new(), role, active: true });
    let mut candidates = Vec::new();
    for role in Role::ALL {
        for (label, id, active) in [("supervised", 2, true), ("other", 3, true), ("other, left", 3, false)] {
            let candidate = Candidate { agent_id: agent(id), name: String::new(), role: *role, active };
            candidates.push((format!("{label} {role}"), candidate));
        }
    }
    let answer = |asked: Result<(), Refusal>| match asked {
        Ok(()) => "yes".to_owned(),
        Err(refusal) if refusal.code == Code::Forbidden => "403".to_owned(),
        Err(_) => "422".to_owned(),
    };
    let cell = |who: Standing, to: &Candidate| answer(may_assign_to(&actor(who), to));
    lines.push(row("self", callers().map(|(_, who)| cell(who, &own(who.role).1))));
    for (label, to) in candidates {
        lines.push(row(&label, callers().map(|(_, who)| cell(who, &to))));
    }
    lines.push(row("a division", callers().map(|(_, who)| answer(may_assign_to_division(&actor(who))))));
    lines.push(String::new());
    lines.push(format!("{:<38} {:<24} {}", "in the OpenAPI document", "x-scope", "x-roles"));
    lines.push("-".repeat(130));
    for action in Action::ALL {
        let roles: Vec<_> = roles_for(*action).iter().map(|role| role.as_str()).collect();
        let scope = match action.key_use() {
            KeyUse::Never => "(no key may)",
            KeyUse::Always => "(any key may)",
            KeyUse::With(scope) => scope.as_str(),
        };
        lines.push(format!("{:<38} {scope:<24} {}", action.as_str(), roles.join(", ")));
    }
    lines.push(String::new());
    lines.join("\n")
}

#[test]
fn s_04_the_policy_is_what_was_agreed() {
    let (agreed, now) = (include_str!("access_matrix.txt"), matrix());
    if agreed == now {
        return;
    }
    let difference: Vec<String> = agreed
        .lines()
        .filter(|line| !now.lines().any(|other| other == *line))
        .map(|line| format!("- {line}"))
        .chain(
            now.lines()
                .filter(|line| !agreed.lines().any(|other| other == *line))
                .map(|line| format!("+ {line}")),
        )
        .collect();
    panic!(
        "the policy differs from domain/tests/access_matrix.txt:\n{}\n\nIf that is meant, the file has to read:\n{now}",
        difference.join("\n")
    );
}
