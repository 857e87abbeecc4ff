#!/usr/bin/env bash
# Installs what is missing to build and run Tanggap: PostgreSQL's server programs, libpq to link with, a C compiler.
# Says nothing and returns at once when everything is there.
set -euo pipefail

oldest_postgres=15

has() { command -v "$1" >/dev/null 2>&1; }

# The same places that the program itself looks in (persistence/src/local_postgres/binaries.rs).
has_server() {
  local folder version
  local folders=()
  IFS=: read -r -a folders <<<"$PATH"
  if has pg_config; then folders+=("$(pg_config --bindir)"); fi
  folders+=(
    /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/libexec/postgresql*
    /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin
    /home/linuxbrew/.linuxbrew/opt/postgresql@*/bin
    /usr/local/pgsql/bin /Applications/Postgres.app/Contents/Versions/latest/bin
  )
  for folder in "${folders[@]}"; do
    [ -x "$folder/postgres" ] && [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ] || continue
    version=$("$folder/postgres" --version 2>/dev/null) || continue
    version=${version#*"(PostgreSQL) "}
    version=${version%%[!0-9]*}
    if [ "${version:-0}" -ge "$oldest_postgres" ]; then return 0; fi
  done
  return 1
}

has_libpq() {
  if has pg_config && [ -f "$(pg_config --includedir)/libpq-fe.h" ]; then return 0; fi
  has pkg-config && pkg-config --exists libpq
}

has_compiler() { has cc || has gcc || has clang; }

if ! has cargo; then
  if [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
    echo "Rust is installed but not on the PATH. Run: . \"${CARGO_HOME:-$HOME/.cargo}/env\"" >&2
  else
    echo "Rust is missing. Install it from https://rustup.rs, then run this again." >&2
  fi
  exit 1
fi

missing=()
has_server || missing+=(server)
has_libpq || missing+=(libpq)
has_compiler || missing+=(compiler)
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

# package NAME: what this system calls it.
if has brew; then
  manager=brew
  package() { case $1 in server) echo postgresql@17 ;; libpq) echo libpq ;; compiler) echo gcc ;; esac; }
elif has apt-get; then
  manager=apt-get
  package() { case $1 in server) echo postgresql ;; libpq) echo libpq-dev ;; compiler) echo build-essential ;; esac; }
elif has dnf; then
  manager=dnf
  package() { case $1 in server) echo postgresql-server ;; libpq) echo libpq-devel ;; compiler) echo gcc ;; esac; }
elif has pacman; then
  manager=pacman
  package() { case $1 in server) echo postgresql ;; libpq) echo postgresql-libs ;; compiler) echo base-devel ;; esac; }
else
  echo "Please install: PostgreSQL $oldest_postgres or newer (server), libpq with its headers, a C compiler." >&2
  echo "Missing here: ${missing[*]}" >&2
  exit 1
fi

packages=()
for name in "${missing[@]}"; do packages+=("$(package "$name")"); done

case $manager in
  brew) install=(brew install "${packages[@]}") ;;
  apt-get) install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}") ;;
  dnf) install=(dnf install -y "${packages[@]}") ;;
  pacman) install=(pacman -S --needed --noconfirm "${packages[@]}") ;;
esac

as_root=()
if [ "$manager" != brew ] && [ "$(id -u)" -ne 0 ]; then
  if ! has sudo; then
    echo "Missing: ${packages[*]}. Neither root nor sudo is at hand; ask for: $manager install ${packages[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
root() { ${as_root[@]+"${as_root[@]}"} "$@"; }

# Debian starts a server of its own with the package; we only want the programs. The setting is put back afterwards.
cluster_settings=/etc/postgresql-common/createcluster.conf
keep_debian_from_starting_a_server() {
  root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql-common
  if [ -f "$cluster_settings" ]; then
    root cp -p "$cluster_settings" "$cluster_settings.before-tanggap"
    trap 'root mv "$cluster_settings.before-tanggap" "$cluster_settings"' EXIT
    root sed -i '/^[[:space:]]*create_main_cluster/d' "$cluster_settings"
    echo 'create_main_cluster = false' | root tee -a "$cluster_settings" >/dev/null
  fi
}

echo "Installing: ${packages[*]}"
if [ "$manager" = apt-get ]; then
  root apt-get update -q
  case " ${missing[*]} " in *" server "*) keep_debian_from_starting_a_server ;; esac
fi
root "${install[@]}"

if ! has_server; then
  echo "PostgreSQL $oldest_postgres or newer is still missing: what this system offers may be older." >&2
  echo "Newer packages for it: https://www.postgresql.org/download/. Or set DATABASE_URL and run cargo yourself." >&2
  exit 1
fi
