"""The house as a whole: whose names, who needs what, and what no tracked file may say."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

import agent
from tests.conftest import LONGEST

ROOT = Path(__file__).parents[1]
OURS = "custard-sql"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))

KNOWN_HOSTS = {
    "127.0.0.1",
    "localhost",
    "[::1]",
    "api.openai.com",
    "www.apache.org",
    "www.w3.org",
    "json-schema.org",
    "keepachangelog.com",
    "semver.org",
    "render.com",
    "www.rfc-editor.org",
    "www.postgresql.org",
}
"""Hosts that tracked files may name: standards, documentation, services that the product speaks to."""
RESERVED = re.compile(r"(^|\.)(example|test|invalid|localhost|local|internal)$|(^|\.)example\.(com|org|net)$")
"""Names that lead nowhere (RFC 2606, RFC 6761), or nowhere outside of a private network."""
_URL = re.compile(r"(?:https?|wss?)://(?:[^/@\s\"'`<>]*@)?([\w.-]+|\[[0-9a-f:]+\])", re.IGNORECASE)
_HOME = re.compile(r"(?<![\w.])/(?:home|Users)/(?!runner\b)[a-z][\w-]*/|(?<![\w.])/(?:root)/")
_BINARY = {".png", ".ico", ".woff2", ".parquet", ".gz", ".pdf"}


@cache
def tracked() -> dict[Path, str]:
    """Every tracked text file with its text, package-lock files left out."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    files = [ROOT / name for name in listed if name]
    return {
        path: path.read_text(errors="replace")
        for path in files
        if path.is_file() and path.suffix not in _BINARY and path.name != "package-lock.json"
    }


def requirement_versions(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==([^\s;]+)", path.read_text(), re.MULTILINE))


# --- names --------------------------------------------------------------------------------------------------


def test_no_installed_distribution_owns_one_of_our_top_level_names() -> None:
    owners = importlib.metadata.packages_distributions()
    for name in [*PACKAGES, "tests"]:
        others = {owner for owner in owners.get(name, []) if owner != OURS}
        assert not others, f"{', '.join(others)} installs a top-level package {name}, which is ours"


def test_every_package_of_ours_is_listed_everywhere() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert set(PACKAGES) == folders
    assert set(PROJECT["tool"]["mypy"]["packages"]) == folders
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == folders


def test_the_release_is_the_same_everywhere() -> None:
    release = PROJECT["project"]["version"]
    assert agent.__version__ == release
    assert json.loads((ROOT / "frontend/package.json").read_text())["version"] == release
    assert f"## [{release}]" in (ROOT / "CHANGELOG.md").read_text()


def test_tests_have_no_packages() -> None:
    """A package under tests/ would shadow the real one of its name."""
    assert not list((ROOT / "tests").rglob("__init__.py"))


# --- the agent, alone ---------------------------------------------------------------------------------------

IMPORT_ALONE = """
    import importlib, importlib.abc, pkgutil, sys

    REFUSED = set({refused!r})

    class Refuse(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            top = name.partition(".")[0]
            if top in REFUSED:
                raise ModuleNotFoundError(f"{{name}} is not in the agent's image", name=name)
            return None

    sys.meta_path.insert(0, Refuse())
    for package in ("wire", "agent"):
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, package + "."):
            importlib.import_module(module.name)
    print(*sorted({{name.partition(".")[0] for name in sys.modules}}))
"""


def test_the_files_that_begin_are_there() -> None:
    """A name that leads nowhere would only make the whole suite slower."""
    assert [name for name in LONGEST if not (ROOT / "tests" / name).is_file()] == []


def test_the_agent_needs_only_wire_and_its_own_requirements() -> None:
    shipped = {
        name.lower().replace("_", "-") for name in requirement_versions(ROOT / "requirements/agent.txt")
    }
    refused = {
        top
        for top, owners in importlib.metadata.packages_distributions().items()
        if not any(owner.lower().replace("_", "-") in shipped for owner in owners)
    }
    refused = (refused | set(PACKAGES)) - {"agent", "wire"}
    code = textwrap.dedent(IMPORT_ALONE).format(refused=sorted(refused))
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert {"agent", "wire", "psycopg", "websockets"} <= loaded
    assert not loaded & refused


# --- requirement files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.stem)
def test_requirements_are_pinned_and_hashed_and_name_no_index(path: Path) -> None:
    text = path.read_text()
    assert not re.search(
        r"^\s*-{1,2}(i|index-url|extra-index-url|find-links|f|trusted-host)\b", text, re.MULTILINE
    )
    assert "://" not in text
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    for entry in entries:
        assert re.match(r"[\w.-]+(\[[^\]]*\])?==[^\s;]+", entry), f"not pinned: {entry.splitlines()[0]}"
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), f"not hashed: {entry.splitlines()[0]}"


def test_what_ships_has_the_versions_that_are_tested() -> None:
    tested = requirement_versions(ROOT / "requirements/dev.txt")
    for name in ("agent", "runtime", "demo"):
        shipped = requirement_versions(ROOT / f"requirements/{name}.txt")
        assert shipped.items() <= tested.items(), f"{name}.txt differs from dev.txt: run make lock"


@pytest.mark.parametrize("lock", ["frontend/package-lock.json", "frontend/codegen/package-lock.json"])
def test_npm_locks_are_hashed_and_name_no_registry(lock: str) -> None:
    packages = json.loads((ROOT / lock).read_text())["packages"]
    for name, package in packages.items():
        assert "resolved" not in package, f"{lock} says where it got {name}: run npm with its .npmrc"
        # A binary for another platform that the registry did not carry when the lock was made has no hash.
        foreign = package.get("optional") and package.get("cpu")
        bundled = package.get("bundled") or package.get("inBundle")
        assert not name or package.get("integrity") or bundled or foreign, f"{lock} has no hash for {name}"


# --- what no tracked file may say ---------------------------------------------------------------------------


def test_tracked_files_name_only_known_hosts() -> None:
    strangers = {
        f"{path.relative_to(ROOT)}: {host}"
        for path, text in tracked().items()
        for host in _URL.findall(text)
        if host.lower() not in KNOWN_HOSTS and not RESERVED.search(host.lower()) and "." in host
    }
    assert not strangers, "\n".join(sorted(strangers))


def test_tracked_files_name_no_registry_of_this_machine() -> None:
    for host in machine_registries():
        naming = [str(path.relative_to(ROOT)) for path, text in tracked().items() if host in text]
        assert not naming, f"{naming} name a package registry that this machine is set up for"


def machine_registries() -> set[str]:
    """Hosts of the package registries that pip, uv and npm are set up for here, by environment or file."""
    texts = [value for name, value in os.environ.items() if re.match(r"(?i)(pip|uv|npm)_", name)]
    for name in (
        "/etc/pip.conf",
        "~/.config/pip/pip.conf",
        "~/.pip/pip.conf",
        "~/.config/uv/uv.toml",
        "~/.npmrc",
    ):
        path = Path(name).expanduser()
        if path.is_file() and os.access(path, os.R_OK):
            texts.append(path.read_text(errors="replace"))
    urls = [url for text in texts for url in re.findall(r"\w+://[^\s\"']+", text)]
    hosts = {urlsplit(url).hostname or "" for url in urls}
    return {host for host in hosts if len(host) > 4 and host not in KNOWN_HOSTS}


def test_tracked_files_name_no_place_of_this_machine() -> None:
    common = {Path(name) for name in ("/", "/tmp", "/opt", "/srv", "/home", "/var/tmp", "/usr/src", "/app")}
    here = {f"{path}/" for path in (ROOT, ROOT.parent) if path not in common}
    for path, text in tracked().items():
        name = path.relative_to(ROOT)
        assert not [place for place in here if place in text], f"{name} names a folder of this machine"
        assert not _HOME.search(text), f"{name} names somebody's home: {_HOME.search(text)}"


# --- make, hooks --------------------------------------------------------------------------------------------


def test_every_make_target_has_a_help_line() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = {name for line in re.findall(r"^\.PHONY:(.*)$", text, re.MULTILINE) for name in line.split()}
    helped = set(re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE))
    assert targets == helped
    assert targets >= {"setup", "demo", "check", "test", "bench", "evals", "studio", "image", "help"}


def test_make_help_lists_them() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "demo" in shown
    assert len(shown.splitlines()) == len(
        re.findall(r"^[a-z-]+:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    )


def test_hooks_are_local() -> None:
    """A hook from elsewhere would name a host and bring code that no hash vouches for."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    entries = " ".join(hook["entry"] for hook in hooks)
    for tool in ("ruff check", "ruff format", "mypy", "openapi"):
        assert tool in entries
