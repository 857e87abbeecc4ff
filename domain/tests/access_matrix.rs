//! The whole policy, printed: a changed rule is a readable difference in `access_matrix.txt`.

use domain::access::{Action, Candidate, Relation, Verdict, decide, may_assign_to, may_read_tab, roles_for};
use domain::actor::Actor;
use domain::agent::Role;
use domain::conversation::Tab;
use domain::id::AgentId;
use uuid::Uuid;

/// Columns: role, and whether it has `view_all` (which means something for agents only).
const CALLERS: [(&str, Role, bool); 4] = [
    ("admin", Role::Admin, true),
    ("supervisor", Role::Supervisor, true),
    ("agent", Role::Agent, true),
    ("agent, no view_all", Role::Agent, false),
];

fn row(label: &str, cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().map(|cell| format!("{cell:<18}")).collect();
    format!("{label:<38} {}", cells.join(" ")).trim_end().to_owned()
}

fn heading(title: &str) -> Vec<String> {
    vec![String::new(), row(title, CALLERS.iter().map(|(name, ..)| (*name).to_owned())), "-".repeat(112)]
}

fn agent(id: u128) -> AgentId {
    Uuid::from_u128(id).into()
}

/// The caller is agent 1; as a supervisor it supervises agent 2.
fn actor(role: Role, view_all: bool) -> Actor {
    Actor {
        workspace_id: Uuid::nil().into(),
        agent_id: agent(1),
        sign_in_id: Uuid::nil().into(),
        name: "I".to_owned(),
        role,
        view_all,
        supervises: if role == Role::Supervisor { vec![agent(2)] } else { Vec::new() },
    }
}

fn matrix() -> String {
    let mut lines = vec![
        "Who may do what: yes, 403 (may know of it, not do it), 404 (may not know of it).".to_owned(),
        "Printed by access_matrix.rs from domain::access; a test compares.".to_owned(),
    ];
    lines.extend(heading("action, on a thing held by"));
    for action in Action::ALL {
        for relation in Relation::ALL {
            let cell = |(_, role, view_all): &(&str, Role, bool)| {
                match decide(*role, *view_all, *action, *relation) {
                    Verdict::Allowed => "yes",
                    Verdict::Forbidden => "403",
                    Verdict::Hidden => "404",
                }
                .to_owned()
            };
            lines.push(row(&format!("{action}, {relation}"), CALLERS.iter().map(cell)));
        }
    }
    lines.extend(heading("tab"));
    for tab in Tab::ALL {
        let cell = |(_, role, view_all): &(&str, Role, bool)| {
            if may_read_tab(&actor(*role, *view_all), *tab).is_ok() { "yes" } else { "403" }.to_owned()
        };
        lines.push(row(tab.as_str(), CALLERS.iter().map(cell)));
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
    let cell = |role: Role, view_all: bool, to: &Candidate| {
        if may_assign_to(&actor(role, view_all), to).is_ok() { "yes" } else { "422" }.to_owned()
    };
    lines.push(row("self", CALLERS.iter().map(|(_, role, view_all)| cell(*role, *view_all, &own(*role).1))));
    for (label, to) in candidates {
        lines.push(row(&label, CALLERS.iter().map(|(_, role, view_all)| cell(*role, *view_all, &to))));
    }
    lines.push(String::new());
    lines.push("x-roles in the OpenAPI document".to_owned());
    lines.push("-".repeat(112));
    for action in Action::ALL {
        let roles: Vec<_> = roles_for(*action).iter().map(|role| role.as_str()).collect();
        lines.push(format!("{:<38} {}", action.as_str(), roles.join(", ")));
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
