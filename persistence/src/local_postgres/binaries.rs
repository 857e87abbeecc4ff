//! Finding the server's programs, which many systems keep off the PATH.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::LocalPostgresError;

/// The oldest major version Tanggap works with.
pub const OLDEST_MAJOR: u32 = 15;

/// The programs that make a folder useful to us.
const NEEDED: [&str; 3] = ["initdb", "postgres", "pg_ctl"];

/// A folder with a server of a known version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    folder: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    /// The path of one of the programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Picks the server for a cluster of version `cluster`, or for a new one.
    ///
    /// `only` replaces the usual places. A cluster opens with its own major version only.
    pub(super) fn find(
        only: Option<&[PathBuf]>,
        cluster: Option<(u32, &Path)>,
    ) -> Result<Self, LocalPostgresError> {
        let places = only.map_or_else(usual_places, <[PathBuf]>::to_vec);
        let mut seen: Vec<Self> = Vec::new();
        for found in places.iter().filter_map(|place| Self::inspect(place)) {
            if cluster.map_or(found.major >= OLDEST_MAJOR, |(major, _)| found.major == major) {
                return Ok(found);
            }
            if !seen.contains(&found) {
                seen.push(found);
            }
        }
        Err(refusal(seen, cluster))
    }

    /// The server in this folder, with symbolic links followed: `/usr/local/bin` may only point to the real place.
    fn inspect(place: &Path) -> Option<Self> {
        let server = fs::canonicalize(place.join("postgres")).ok()?;
        let folder = server.parent()?.to_path_buf();
        if !NEEDED.iter().all(|name| folder.join(name).is_file()) {
            return None;
        }
        let printed = Command::new(&server).arg("--version").output().ok()?;
        let major = major_version(&String::from_utf8_lossy(&printed.stdout))?;
        Some(Self { folder, major })
    }
}

fn refusal(seen: Vec<Binaries>, cluster: Option<(u32, &Path)>) -> LocalPostgresError {
    let install = install_hint(on_path);
    if let (Some((major, folder)), false) = (cluster, seen.is_empty()) {
        let found: Vec<String> = seen.iter().map(|server| server.major.to_string()).collect();
        return LocalPostgresError::OtherVersion {
            folder: folder.to_path_buf(),
            cluster: major,
            found: found.join(", "),
        };
    }
    match seen.into_iter().max_by_key(|server| server.major) {
        Some(newest) => LocalPostgresError::TooOld {
            found: newest.major,
            folder: newest.folder,
            needed: OLDEST_MAJOR,
            install,
        },
        None => LocalPostgresError::MissingBinaries { install },
    }
}

/// Where servers are usually kept, the most likely wish of the user first.
fn usual_places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    places.extend(from_pg_config());
    places.extend(versioned("/usr/lib/postgresql", "", "bin"));
    places.extend(versioned("/usr", "pgsql-", "bin"));
    places.extend(versioned("/usr/libexec", "postgresql", ""));
    for homebrew in ["/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"] {
        places.extend(versioned(homebrew, "postgresql@", "bin"));
    }
    places.push(PathBuf::from("/usr/local/pgsql/bin"));
    places.push(PathBuf::from("/Applications/Postgres.app/Contents/Versions/latest/bin"));
    places
}

fn from_pg_config() -> Option<PathBuf> {
    let printed = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(printed.stdout).ok()?;
    Some(PathBuf::from(folder.trim()))
}

/// Folders `{parent}/{prefix}{number}/{inner}`, the highest number first.
fn versioned(parent: &str, prefix: &str, inner: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join(inner)))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, also `17beta1` and `18devel`.
fn major_version(printed: &str) -> Option<u32> {
    let version = printed.split("(PostgreSQL)").nth(1)?.trim_start();
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// The sentence that says how to install a server, for the package manager this machine has.
fn install_hint(has: impl Fn(&str) -> bool) -> String {
    let commands = [
        ("brew", "brew install postgresql@17"),
        ("apt-get", "sudo apt-get install postgresql"),
        ("dnf", "sudo dnf install postgresql-server"),
        ("pacman", "sudo pacman -S postgresql"),
        ("zypper", "sudo zypper install postgresql-server"),
        ("apk", "sudo apk add postgresql"),
    ];
    match commands.iter().find(|(manager, _)| has(manager)) {
        Some((_, command)) => {
            format!("Install them with `{command}`, or set DATABASE_URL to a PostgreSQL of yours")
        }
        None => format!(
            "Install PostgreSQL {OLDEST_MAJOR} or newer, or set DATABASE_URL to a PostgreSQL of yours"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{install_hint, major_version};

    #[test]
    fn versions_are_read_as_servers_print_them() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_version("postgres (PostgreSQL) 9.6.24\n"), Some(9));
        assert_eq!(major_version("sh: not a server"), None);
    }

    #[test]
    fn the_hint_names_the_command_of_the_package_manager_at_hand() {
        assert!(install_hint(|program| program == "dnf").contains("dnf install postgresql-server"));
        assert!(install_hint(|program| program == "apt-get").contains("apt-get install postgresql"));
        assert!(install_hint(|_| false).contains("Install PostgreSQL 15 or newer"));
    }
}
