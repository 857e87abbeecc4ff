//! The folder: who owns it, the cluster in it, and what a killed process left behind.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::account::Account;
use super::binaries::Binaries;
use super::error::{LocalPostgresError, doing};

/// The name of the superuser in our clusters.
pub(super) const SUPERUSER: &str = "postgres";
/// The port that names the socket; nothing listens on TCP.
pub(super) const PORT: u16 = 5432;
/// What the kernel allows for a socket's path, without the closing zero.
const SOCKET_PATH_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Where everything lies below the data folder.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Ours and the server's; nobody else may enter.
    pub(super) home: PathBuf,
    pub(super) cluster: PathBuf,
    pub(super) log: PathBuf,
    lock: PathBuf,
}

impl Layout {
    /// Makes the data folder and the server's folder in it, and gives the paths without symbolic links.
    pub(super) fn prepare(data_dir: &Path) -> Result<Self, LocalPostgresError> {
        let home = data_dir.join("postgres");
        fs::create_dir_all(data_dir).map_err(doing(format!("creating {}", data_dir.display())))?;
        make_private(&home)?;
        let home = fs::canonicalize(&home).map_err(doing(format!("finding {}", home.display())))?;
        Ok(Self {
            cluster: home.join("cluster"),
            log: home.join("server.log"),
            lock: home.join("owner.lock"),
            home,
        })
    }

    /// Takes the folder for this process. The lock goes with the process, however it ends.
    pub(super) fn lock(&self) -> Result<File, LocalPostgresError> {
        let during = || doing(format!("locking {}", self.lock.display()));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.lock)
            .map_err(during())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut written = String::new();
                let pid = file.read_to_string(&mut written).ok().and_then(|_| written.trim().parse().ok());
                return Err(LocalPostgresError::AlreadyInUse { folder: self.home.clone(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(during()(error)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(during())?;
        writeln!(file, "{}", std::process::id()).map_err(during())?;
        Ok(file)
    }

    /// The major version of the cluster, `None` before the first use.
    pub(super) fn cluster_version(&self) -> Result<Option<u32>, LocalPostgresError> {
        if !self.cluster.exists() {
            return Ok(None);
        }
        fs::read_to_string(self.cluster.join("PG_VERSION"))
            .ok()
            .and_then(|version| version.trim().parse().ok())
            .map(Some)
            .ok_or_else(|| LocalPostgresError::NotACluster(self.cluster.clone()))
    }

    /// Makes the cluster beside its place and moves it there when it is whole.
    ///
    /// A process killed in between leaves a `cluster.new-*`, never half a cluster.
    pub(super) fn create_cluster(
        &self,
        binaries: &Binaries,
        account: &Account,
        durable: bool,
    ) -> Result<(), LocalPostgresError> {
        let fresh = self.fresh_folder()?;
        // Codepoint order and full Unicode letters; the second is for systems without C.UTF-8 (macOS before 15).
        let locales: [&[&str]; 3] =
            [&["--locale=C.UTF-8"], &["--locale=C", "--lc-ctype=en_US.UTF-8"], &["--locale=C"]];
        let mut output = String::new();
        for locale in locales {
            let mut initdb = account.command(&binaries.program("initdb"), &self.home);
            initdb.arg("--pgdata").arg(&fresh).args(locale).stdin(Stdio::null());
            initdb.args(["--encoding=UTF8", "--auth-local=trust", "--auth-host=reject"]);
            initdb.arg(format!("--username={SUPERUSER}"));
            if !durable {
                initdb.arg("--no-sync");
            }
            let done = initdb.output().map_err(doing("running initdb"))?;
            if done.status.success() {
                fs::rename(&fresh, &self.cluster).map_err(doing("moving the new cluster to its place"))?;
                return sync_folder(&self.home);
            }
            output = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
            discard(&fresh);
        }
        Err(LocalPostgresError::Init { folder: self.home.clone(), output })
    }

    /// A name for a new cluster that nothing has. The `initdb` of a killed process may still write under an old one.
    fn fresh_folder(&self) -> Result<PathBuf, LocalPostgresError> {
        let entries = fs::read_dir(&self.home).map_err(doing(format!("reading {}", self.home.display())))?;
        for entry in entries.flatten() {
            if entry.file_name().as_bytes().starts_with(b"cluster.new-") {
                discard(&entry.path());
            }
        }
        let mut names = (0_u32..).map(|n| self.home.join(format!("cluster.new-{n}")));
        names
            .find(|name| !name.exists())
            .ok_or_else(|| doing("naming a new cluster")(io::Error::other("every name is taken")))
    }

    /// The folder of the unix socket: the cluster's, or where its path is too long a short private one.
    pub(super) fn socket_folder(&self, account: &Account) -> Result<PathBuf, LocalPostgresError> {
        if fits(&self.cluster) {
            return Ok(self.cluster.clone());
        }
        let mut hasher = DefaultHasher::new();
        self.cluster.hash(&mut hasher);
        let name = format!("tanggap-{:016x}", hasher.finish());
        let folder = Some(std::env::temp_dir().join(&name))
            .filter(|folder| fits(folder))
            .unwrap_or_else(|| Path::new("/tmp").join(&name));
        make_private(&folder)?;
        let found =
            fs::symlink_metadata(&folder).map_err(doing(format!("looking at {}", folder.display())))?;
        // Anybody may create names in the temporary folder; take only what is ours.
        let ours = found.is_dir() && found.permissions().mode() & 0o077 == 0;
        if !ours || (account.is_lent() && found.uid() != 0 && found.uid() != account.uid()) {
            return Err(LocalPostgresError::ForeignFolder { folder, owner: found.uid(), us: account.uid() });
        }
        account.own(&folder)?;
        Ok(folder)
    }

    /// Ends a server whose owner was killed. Called with the lock held, so no living owner needs it.
    pub(super) fn end_left_behind(
        &self,
        binaries: &Binaries,
        account: &Account,
    ) -> Result<(), LocalPostgresError> {
        for mode in ["fast", "fast", "immediate"] {
            let Some(pid) = self.left_behind()? else {
                return Ok(());
            };
            tracing::warn!(pid, "stopping a PostgreSQL that a killed process left behind");
            let mut stop = account.command(&binaries.program("pg_ctl"), &self.home);
            stop.arg("stop").arg("--pgdata").arg(&self.cluster).args([
                "--mode",
                mode,
                "--wait",
                "--timeout",
                "20",
            ]);
            // Its answer is not needed: the next look at the process tells.
            stop.output().map_err(doing("running pg_ctl"))?;
        }
        match self.left_behind()? {
            Some(pid) => Err(LocalPostgresError::LeftBehind { folder: self.cluster.clone(), pid }),
            None => Ok(()),
        }
    }

    /// The process that `postmaster.pid` names, alive or not.
    pub(super) fn postmaster_pid(&self) -> Option<u32> {
        let written = fs::read_to_string(self.postmaster_file()).ok()?;
        written.lines().next()?.trim().parse().ok()
    }

    fn postmaster_file(&self) -> PathBuf {
        self.cluster.join("postmaster.pid")
    }

    /// The living server of this cluster, if there is one.
    ///
    /// Takes `postmaster.pid` away where its number now belongs to a stranger (usual after a container restarts):
    /// PostgreSQL itself only asks whether some process has it, and would refuse to start.
    fn left_behind(&self) -> Result<Option<u32>, LocalPostgresError> {
        let Some(pid) = self.postmaster_pid() else {
            return Ok(None);
        };
        match holder(pid, &self.cluster) {
            Holder::ThisServer => Ok(Some(pid)),
            Holder::OtherServer | Holder::Nobody => Ok(None),
            Holder::Stranger => {
                fs::remove_file(self.postmaster_file()).map_err(doing("removing a stale postmaster.pid"))?;
                Ok(None)
            }
        }
    }
}

/// Who has the process id that a `postmaster.pid` names.
#[derive(Debug, PartialEq, Eq)]
enum Holder {
    Nobody,
    ThisServer,
    /// A PostgreSQL of another folder, or one started by hand: not ours to touch.
    OtherServer,
    Stranger,
}

fn holder(pid: u32, cluster: &Path) -> Holder {
    let Some(arguments) = arguments_of(pid) else {
        return Holder::Nobody;
    };
    let cluster = cluster.as_os_str().as_bytes();
    let names_cluster = arguments.windows(cluster.len()).any(|window| window == cluster);
    let is_server = arguments.windows(8).any(|window| window == b"postgres");
    match (is_server, names_cluster) {
        (true, true) => Holder::ThisServer,
        (true, false) => Holder::OtherServer,
        (false, _) => Holder::Stranger,
    }
}

/// The command line of a process, `None` if there is no such process.
fn arguments_of(pid: u32) -> Option<Vec<u8>> {
    if Path::new("/proc/self").exists() {
        return fs::read(format!("/proc/{pid}/cmdline")).ok();
    }
    let printed = Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output().ok()?;
    printed.status.success().then_some(printed.stdout)
}

fn fits(folder: &Path) -> bool {
    folder.join(format!(".s.PGSQL.{PORT}")).as_os_str().len() <= SOCKET_PATH_MAX
}

/// Makes a folder that only its owner may enter; one that exists is left as it is.
fn make_private(folder: &Path) -> Result<(), LocalPostgresError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(doing(format!("creating {}", folder.display()))(error))
        }
        _ => Ok(()),
    }
}

fn discard(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %folder.display(), %error, "an unfinished cluster could not be removed");
    }
}

fn sync_folder(folder: &Path) -> Result<(), LocalPostgresError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(doing(format!("syncing {}", folder.display())))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Holder, fits, holder};

    #[test]
    fn our_own_process_is_a_stranger_and_an_unused_id_is_nobody() {
        assert_eq!(holder(std::process::id(), Path::new("/no/such/cluster")), Holder::Stranger);
        assert_eq!(holder(u32::MAX, Path::new("/no/such/cluster")), Holder::Nobody);
    }

    #[test]
    fn a_socket_path_ends_where_the_kernel_says() {
        let name = "/.s.PGSQL.5432".len();
        let longest = format!("/{}", "d".repeat(super::SOCKET_PATH_MAX - name - 1));
        assert!(fits(Path::new(&longest)));
        assert!(!fits(Path::new(&format!("{longest}d"))));
    }
}
