//! Who the server runs as. PostgreSQL refuses to run as root, so root lends it another user.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::{LocalPostgresError, doing};

/// Used where `/etc/passwd` does not name the user `nobody`.
const NOBODY: u32 = 65534;

/// The user and group the server's processes run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
    /// Whether our own process has to change user to become this one.
    lent: bool,
}

impl Account {
    /// Chooses the account for a cluster folder, which may not exist yet.
    ///
    /// Root takes the owner of an existing cluster, otherwise `postgres`, otherwise `nobody`.
    pub(super) fn choose(cluster: &Path) -> Result<Self, LocalPostgresError> {
        let us = our_ids()?;
        let owner = fs::metadata(cluster).ok().map(|folder| (folder.uid(), folder.gid()));
        if us.0 != 0 {
            return Ok(Self { uid: us.0, gid: us.1, lent: false });
        }
        let (uid, gid) = owner
            .filter(|(uid, _)| *uid != 0)
            .or_else(|| by_name("postgres"))
            .or_else(|| by_name("nobody"))
            .unwrap_or((NOBODY, NOBODY));
        Ok(Self { uid, gid, lent: true })
    }

    /// The user's id.
    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// Whether we are root and start the server as somebody else.
    pub(super) fn is_lent(&self) -> bool {
        self.lent
    }

    /// A command that runs as this account in `folder`, free of settings meant for PostgreSQL's clients.
    pub(super) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env("LC_ALL", "C");
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        if self.lent {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Gives a folder to this account.
    pub(super) fn own(&self, folder: &Path) -> Result<(), LocalPostgresError> {
        let owner = fs::metadata(folder).map_err(doing(format!("looking at {}", folder.display())))?.uid();
        if owner == self.uid {
            return Ok(());
        }
        if !self.lent {
            return Err(LocalPostgresError::ForeignFolder {
                folder: folder.to_path_buf(),
                owner,
                us: self.uid,
            });
        }
        chown(folder, Some(self.uid), Some(self.gid))
            .map_err(doing(format!("giving {} to the server's user", folder.display())))
    }

    /// Checks that this account can work in `folder`, by trying: modes alone do not tell about access lists.
    pub(super) fn check_reach(&self, program: &Path, folder: &Path) -> Result<(), LocalPostgresError> {
        match self.command(program, folder).arg("--version").output() {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(LocalPostgresError::Unreachable {
                    user: name_of(self.uid),
                    folder: self.first_closed(folder).unwrap_or_else(|| folder.to_path_buf()),
                })
            }
            Err(error) => Err(doing(format!("running {}", program.display()))(error)),
        }
    }

    /// The outermost folder on the way to `folder` whose mode keeps this account out.
    fn first_closed(&self, folder: &Path) -> Option<PathBuf> {
        let mut way: Vec<&Path> = folder.ancestors().collect();
        way.reverse();
        way.into_iter()
            .find(|step| {
                fs::metadata(step).is_ok_and(|found| {
                    let bit = match (found.uid() == self.uid, found.gid() == self.gid) {
                        (true, _) => 0o100,
                        (false, true) => 0o010,
                        (false, false) => 0o001,
                    };
                    found.mode() & bit == 0
                })
            })
            .map(Path::to_path_buf)
    }
}

/// Our own user and group. The standard library does not tell; `id` is part of POSIX.
fn our_ids() -> Result<(u32, u32), LocalPostgresError> {
    let ask = |flag: &str| {
        let printed = Command::new("id").arg(flag).output().map_err(doing("asking `id` who we are"))?;
        String::from_utf8_lossy(&printed.stdout)
            .trim()
            .parse::<u32>()
            .map_err(|error| doing("reading the answer of `id`")(io::Error::other(error)))
    };
    Ok((ask("-u")?, ask("-g")?))
}

fn by_name(name: &str) -> Option<(u32, u32)> {
    in_passwd(&fs::read_to_string("/etc/passwd").ok()?, |entry| entry.0 == name)
        .map(|entry| (entry.1, entry.2))
}

fn name_of(uid: u32) -> String {
    fs::read_to_string("/etc/passwd")
        .ok()
        .and_then(|passwd| in_passwd(&passwd, |entry| entry.1 == uid).map(|entry| entry.0.to_owned()))
        .unwrap_or_else(|| uid.to_string())
}

/// The first entry of `/etc/passwd` that fits: name, user id, group id.
fn in_passwd<'a>(
    passwd: &'a str,
    fits: impl Fn(&(&'a str, u32, u32)) -> bool,
) -> Option<(&'a str, u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some((name, uid, gid)).filter(&fits)
    })
}

#[cfg(test)]
mod tests {
    use super::in_passwd;

    #[test]
    fn accounts_are_read_from_passwd() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\nbroken\npostgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(in_passwd(passwd, |entry| entry.0 == "postgres"), Some(("postgres", 101, 104)));
        assert_eq!(in_passwd(passwd, |entry| entry.1 == 0), Some(("root", 0, 0)));
        assert_eq!(in_passwd(passwd, |entry| entry.0 == "nobody"), None);
    }
}
