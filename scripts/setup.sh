#!/usr/bin/env bash
# The steps of set-up, one a word. Each checks what it needs first and fails with one line that says what to do.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { printf '✗ %s\n' "$*" >&2; exit 1; }
say() { printf '· %s\n' "$*" >&2; }

python() { # the newest Python ≥ 3.11 on the path
  for name in python3 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
      command -v "$name"; return
    fi
  done
  fail "Custard needs Python 3.11 or newer on the path; found $(python3 --version 2>&1 || echo none)."
}

need_disk() { # MEGABYTES
  local free; free=$(df -Pm . | awk 'NR==2 {print $4}')
  [ "$free" -ge "$1" ] || fail "This step needs $1 MB of disk here; $free MB are free. Make room and run it again."
}

uv() { # the machine's uv, else one of our own in .uv
  local program; program=$(type -P uv || true)
  if [ -z "$program" ]; then
    program=.uv/bin/uv
    [ -x "$program" ] || fetch_uv
  fi
  "$program" "$@"
}

fetch_uv() {
  say "Fetching uv"
  need_disk 200
  "$(python)" -m venv .uv >&2 || fail "Python's venv module is missing (Debian: apt-get install python3-venv)."
  .uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.13,<0.14' >&2 ||
    fail "uv could not be fetched from the package index; check the network and run this again."
}

openmp() { # llama.cpp's wheel takes this one library from the system; a bare Debian lacks it
  [ "$(uname -s)" = Linux ] || return 0
  ! "$1/bin/python" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Installing libgomp1 for the local model"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libgomp1
    } >/dev/null 2>&1 && return
  fi
  say "The local model needs libgomp.so.1: apt-get install libgomp1 (Debian, Ubuntu), dnf install libgomp (Fedora)."
}

need_node() {
  command -v node >/dev/null || fail "The UI is built with Node.js 20 or newer; install it and run this again."
  local major; major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] || fail "The UI is built with Node.js 20 or newer; this is $(node --version)."
}

compile() { # OUTPUT ARGUMENTS...
  local output=$1; shift
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
    --no-emit-index-url --no-emit-find-links -o "requirements/$output" "$@"
}

case "${1:-}" in
  venv) # DIRECTORY REQUIREMENTS
    need_disk 1500
    [ -x "$2/bin/python" ] || { say "Creating $2"; uv venv --quiet --python "$(python)" "$2"; }
    say "Installing $3"
    quiet=--quiet; [ ! -t 2 ] || quiet=  # progress for a person, silence for a log
    VIRTUAL_ENV=$2 uv pip install $quiet --require-hashes --no-deps -r "$3" ||
      fail "Packages could not be installed from $3; check the network and run this again."
    VIRTUAL_ENV=$2 uv pip install --quiet --no-deps -e . || fail "The project itself could not be installed."
    openmp "$2"
    ;;
  node) # DIRECTORY
    need_node
    need_disk 800
    say "Installing the UI's packages"
    (cd "$2" && npm ci --silent --no-audit --no-fund >&2) ||
      fail "npm ci failed in $2/; run it there to see why."
    ;;
  system)
    want=()
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || want+=(chromium)
    ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || want+=(postgresql)
    command -v buildah >/dev/null || want+=(buildah)
    command -v debootstrap >/dev/null || want+=(debootstrap)
    command -v strace >/dev/null || want+=(strace)
    command -v ip >/dev/null || want+=(iproute2)
    command -v nft >/dev/null || [ -x /usr/sbin/nft ] || want+=(nftables)
    [ -x /usr/sbin/pgbouncer ] || command -v pgbouncer >/dev/null || want+=(pgbouncer)
    [ ${#want[@]} -gt 0 ] || exit 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      say "Installing ${want[*]}"
      export DEBIAN_FRONTEND=noninteractive
      { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${want[@]}"; } >/dev/null 2>&1 ||
        say "apt-get could not install ${want[*]}; tests that want them are skipped by name."
    else
      say "Not installed: ${want[*]}. Tests that want them are skipped; to have them: apt-get install ${want[*]}"
    fi
    ;;
  done) # LABEL COMMAND...: run quietly, show everything when it fails
    label=$2; shift 2
    if output=$("$@" 2>&1); then say "$label ✓"; else printf '%s\n' "$output" >&2; fail "$label"; fi
    ;;
  lock)
    compile dev.txt pyproject.toml --extra dev
    compile demo.txt pyproject.toml --extra demo -c requirements/dev.txt
    compile runtime.txt pyproject.toml -c requirements/dev.txt
    "$(python)" -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["agent"], sep="\n")' |
      compile agent.txt - -c requirements/dev.txt
    compile studio.txt pyproject.toml --extra studio
    ;;
  *) fail "usage: scripts/setup.sh venv DIRECTORY REQUIREMENTS | node DIRECTORY | system | lock" ;;
esac
