#!/usr/bin/env bash
# Builds the agent's image: with docker or podman where an engine runs, else with buildah on a Debian base that
# debootstrap makes once and keeps in the user's data folder.
#
#   deploy/image.sh [--archive FILE]      FILE gets the image as an OCI archive
#
# BASE names another base image, ENGINE the one engine to use, TAG the image's name. Packages come from wherever this machine's pip is set up to take them.
set -euo pipefail
cd "$(dirname "$0")/.."

TAG=${TAG:-custard-agent:latest}
HOME_DIR=${CUSTARD_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/custard}/images
PYTHON=${PYTHON:-.venv/bin/python}
archive=
if [[ ${1:-} == --archive ]]; then
  archive=${2:?--archive needs a file}
fi
[[ -x $PYTHON ]] || PYTHON=python3

say() { echo "· $*" >&2; }
die() { echo "image: $*" >&2; exit 1; }

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

# The context holds what the image is made of and nothing besides, so that nothing else can slip in.
stage() {
  mkdir -p "$context/requirements" "$context/wheels" "$HOME_DIR/wheels"
  cp requirements/agent.txt "$context/requirements/"
  cp -r wire agent "$context/"
  find "$context" -name __pycache__ -prune -exec rm -rf {} +
  local stamp
  stamp=$(sha256sum requirements/agent.txt | cut -c1-16)
  if [[ ! -f $HOME_DIR/wheels/$stamp.done ]]; then
    say "Fetching the agent's packages"
    rm -rf "$HOME_DIR/wheels" && mkdir -p "$HOME_DIR/wheels"
    "$PYTHON" -m pip download -qq --disable-pip-version-check --require-hashes --no-deps \
      --only-binary :all: --python-version 3.11 --dest "$HOME_DIR/wheels" -r requirements/agent.txt \
      || die "the packages could not be fetched; see pip's message above"
    touch "$HOME_DIR/wheels/$stamp.done"
  fi
  cp "$HOME_DIR"/wheels/*.whl "$context/wheels/"
}

PIP_ARGS=(--build-arg PIP_NO_INDEX=1 --build-arg PIP_FIND_LINKS=/build)

build_with_engine() {
  local engine=$1
  stage
  say "Building $TAG with $engine"
  "$engine" build --quiet -f agent/Dockerfile -t "$TAG" "${PIP_ARGS[@]}" ${BASE:+--build-arg BASE="$BASE"} "$context"
  if [[ -n $archive ]]; then
    "$engine" save -o "$archive" "$TAG"
  fi
}

# A Debian base with Python 3.11, from the mirror that this machine itself uses.
debian_base() {
  local base=$HOME_DIR/base-bookworm.tar
  if [[ ! -f $base ]]; then
    command -v debootstrap >/dev/null || die "no engine runs, and debootstrap is missing: apt-get install buildah debootstrap"
    [[ $(id -u) == 0 ]] || die "debootstrap needs root; or start docker or podman"
    local mirror root
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 2>/dev/null \
      | awk '$2 == "bookworm" && $3 == "main" {print $1; exit}')
    say "Making a Debian base (once)"
    root=$(mktemp -d)
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root" ${mirror:+"$mirror"} \
      > "$HOME_DIR/debootstrap.log" 2>&1 || { tail -5 "$HOME_DIR/debootstrap.log" >&2; rm -rf "$root"; die "debootstrap failed"; }
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* \
      "$root"/usr/share/locale/* "$root"/usr/share/man/*
    tar -C "$root" --one-file-system -cf "$base.new" . && mv "$base.new" "$base"
    rm -rf "$root"
  fi
  echo "$base"
}

build_with_buildah() {
  command -v buildah >/dev/null || die "no engine runs, and buildah is missing: apt-get install buildah debootstrap"
  mkdir -p "$HOME_DIR"
  local base="${BASE:-}" tar container
  if [[ -z $base ]]; then
    base=localhost/custard-base:bookworm
    tar=$(debian_base)
    if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
      say "Taking the base into buildah's store"
      container=$(buildah from scratch)
      buildah add --quiet "$container" "$tar" / >/dev/null
      buildah commit --quiet "$container" "$base" >/dev/null
      buildah rm "$container" >/dev/null
    fi
  fi
  stage
  say "Building $TAG with buildah"
  buildah bud --quiet --isolation chroot --layers=false --pull-never --format docker -f agent/Dockerfile -t "$TAG" \
    "${PIP_ARGS[@]}" --build-arg BASE="$base" "$context"
  if [[ -n $archive ]]; then
    buildah push --quiet "$TAG" "oci-archive:$archive"
  fi
}

export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs}
for engine in ${ENGINE:-docker podman}; do
  if [[ $engine != buildah ]] && command -v "$engine" >/dev/null && "$engine" info >/dev/null 2>&1; then
    build_with_engine "$engine"
    say "Built $TAG"
    exit 0
  fi
done
build_with_buildah
say "Built $TAG"
