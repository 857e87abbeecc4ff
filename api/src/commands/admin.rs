use clap::{Args, Subcommand};
use domain::input;
use persistence::db::{Db, DbSettings};
use persistence::{accounts, one_time_tokens, sign_ins};
use std::time::Duration;

use super::Failed;
use super::options::DatabaseOptions;
use crate::auth::password;
use crate::clock::Clock;

/// What an operator does by hand, on the database itself.
#[derive(Debug, Args)]
pub struct Admin {
    #[command(flatten)]
    database: DatabaseOptions,
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Give a member a new password, read from standard input, and end its sign-ins.
    ResetPassword {
        /// The workspace's slug.
        #[arg(long)]
        workspace: String,
        /// The member's address.
        #[arg(long)]
        email: String,
    },
}

impl Admin {
    /// Does it.
    ///
    /// # Errors
    /// If the database does not answer, or there is no such member.
    pub async fn run(self) -> Result<(), Failed> {
        let database = self.database.open().await?;
        let db = Db::new(DbSettings {
            url: database.url.clone(),
            name: "tanggap admin",
            connections: 1,
            wait: Duration::from_secs(5),
            deadline: Duration::from_secs(30),
        });
        match self.command {
            AdminCommand::ResetPassword { workspace, email } => {
                reset_password(&db, workspace, &email).await?
            }
        }
        drop(db);
        database.close().await
    }
}

async fn reset_password(db: &Db, workspace: String, email: &str) -> Result<(), Failed> {
    let mut text = String::new();
    std::io::stdin().read_line(&mut text)?;
    let new = text.trim_end_matches(['\r', '\n']).to_owned();
    input::password("", &new)?;
    let email = input::email("", email)?;
    let hash = password::hash_in_background(new).await?;
    let now = Clock::system().now();
    let changed = db
        .write(move |conn| {
            let Some(login) = accounts::logins(conn, Some(workspace.clone()), email.clone(), 1)?.pop() else {
                return Ok(false);
            };
            accounts::set_password(conn, login.workspace_id, login.agent_id, hash.clone())?;
            sign_ins::revoke_all(conn, login.workspace_id, login.agent_id, None, now)?;
            one_time_tokens::void(conn, login.workspace_id, login.agent_id, now)?;
            Ok(true)
        })
        .await?;
    if changed {
        tracing::info!("the password was changed and the member's sign-ins were ended");
        Ok(())
    } else {
        Err("there is no such member in this workspace".into())
    }
}
