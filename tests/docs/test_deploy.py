"""deploy/ is hardened, names only settings and commands that exist, and ships what the backend needs."""

import importlib.metadata
import json
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.__main__ import build_parser
from agent.settings import PREFIX as AGENT_PREFIX
from agent.settings import Settings as AgentSettings
from api.settings import Settings as BackendSettings
from wire.policy import parse_policy

DEPLOY = Path(__file__).parents[2] / "deploy"
ROOT = DEPLOY.parent
AGENT_VARIABLES = {f"{AGENT_PREFIX}{name.upper()}" for name in AgentSettings.model_fields}
BACKEND_VARIABLES = {f"CUSTARD_{name.upper()}" for name in BackendSettings.model_fields} | {"OPENAI_API_KEY"}
DOCKERFILES = [DEPLOY / "Dockerfile", ROOT / "agent" / "Dockerfile"]


def instructions(path: Path) -> list[tuple[str, str]]:
    """A Dockerfile's instructions, continued lines joined, comments left out."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    pairs = [line.strip().split(None, 1) for line in text.splitlines() if line.strip()]
    return [(pair[0].upper(), " ".join(pair[1].split())) for pair in pairs]


def in_stage(path: Path, stage: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    here = ""
    for name, rest in instructions(path):
        if name == "FROM":
            here = rest.rpartition(" AS ")[2] if " AS " in rest else ""
        elif here == stage:
            found.append((name, rest))
    return found


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def kubernetes() -> dict[str, Any]:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes" / "agent.yaml").read_text())
    return {document["kind"]: document for document in documents}


# --- images ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_images_are_parametrised_non_root_and_need_no_shell(path: Path) -> None:
    found = instructions(path)
    assert any(name == "ARG" and rest.startswith("BASE") for name, rest in found)
    users = [rest for name, rest in found if name == "USER"]
    assert users
    assert all(re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", user) for user in users), (
        "a number is known to be no root"
    )
    assert [rest for name, rest in found if name == "HEALTHCHECK"]
    for name, rest in found:
        if name in {"RUN", "CMD", "ENTRYPOINT", "SHELL"} or name == "HEALTHCHECK":
            command = rest.partition("CMD ")[2] if name == "HEALTHCHECK" else re.sub(r"^--\S+ ", "", rest)
            assert isinstance(json.loads(command), list), f"{name} in shell form: {rest}"
        assert name != "ADD", "ADD fetches and unpacks; COPY says what it does"


def test_the_backends_packages_are_hashed() -> None:
    runs = [json.loads(rest) for name, rest in in_stage(DEPLOY / "Dockerfile", "packages") if name == "RUN"]
    (install,) = (run for run in runs if "install" in run)
    assert {"--require-hashes", "--no-deps"} <= set(install)


def test_the_backends_image_sets_only_known_variables() -> None:
    for name, rest in instructions(DEPLOY / "Dockerfile"):
        if name == "ENV":
            variables = set(re.findall(r"\b(CUSTARD_\w+)=", rest))
            assert variables <= BACKEND_VARIABLES


IMPORT_THERE = """
    import importlib.abc, sys

    REFUSED = set({refused!r})

    class Refuse(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in REFUSED:
                raise ModuleNotFoundError(f"{{name}} is not in the backend's image", name=name)
            return None

    sys.meta_path.insert(0, Refuse())
    import cli.main, cli.backend, api.server, api.app, graph.build
"""


def test_the_backends_image_holds_all_that_the_backend_imports() -> None:
    """What is copied and what runtime.txt brings must be enough for ``custard up``."""
    copied = {rest.split()[0] for name, rest in in_stage(DEPLOY / "Dockerfile", "api") if name == "COPY"}
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    lines = (ROOT / "requirements" / "runtime.txt").read_text()
    shipped = {name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)(?:\[.*\])?==", lines, re.M)}
    foreign = {
        top
        for top, owners in importlib.metadata.packages_distributions().items()
        if not any(owner.lower().replace("_", "-") in shipped for owner in owners)
    }
    refused = (foreign | set(packages["wheel"]["packages"])) - copied
    code = textwrap.dedent(IMPORT_THERE).format(refused=sorted(refused))
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


# --- compose -----------------------------------------------------------------------------------------------


def test_compose_keeps_the_database_inside(compose: Any) -> None:
    services = compose["services"]
    assert services["postgres"]["networks"] == ["inside"]
    assert services["backend"]["networks"] == ["outside"]
    assert set(services["agent"]["networks"]) == {"inside", "outside"}
    assert compose["networks"]["inside"]["internal"] is True
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:8765:8765"]


@pytest.mark.parametrize("service", ["backend", "agent"])
def test_compose_hardens_what_is_ours(service: str, compose: Any) -> None:
    settings = compose["services"][service]
    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in settings["security_opt"]
    dockerfile = DEPLOY / settings["build"]["context"] / settings["build"]["dockerfile"]
    assert dockerfile.exists()


def test_compose_names_only_known_variables(compose: Any) -> None:
    assert set(compose["services"]["backend"]["environment"]) <= BACKEND_VARIABLES
    assert set(compose["services"]["agent"]["environment"]) <= AGENT_VARIABLES


def test_the_example_policy_can_be_taken_and_the_role_gets_no_more() -> None:
    policy = parse_policy((DEPLOY / "example" / "policy.toml").read_text())
    assert not policy.permits_column("public", "customers", "email")
    grants = re.findall(
        r"GRANT SELECT(?: \(([\w, ]+)\))? ON (\w+)", (DEPLOY / "example" / "role.sh").read_text()
    )
    for columns, table in grants:
        assert policy.permits_table("public", table)
        assert all(policy.permits_column("public", table, column) for column in columns.split(", ") if column)


# --- Render ------------------------------------------------------------------------------------------------


def test_render_runs_the_backend_and_asks_for_its_secrets() -> None:
    (service,) = yaml.safe_load((DEPLOY / "render.yaml").read_text())["services"]
    assert (ROOT / service["dockerfilePath"]).exists()
    assert service["healthCheckPath"] == "/health"
    assert service["numInstances"] == 1, "the embedded store is one process's"
    variables = {entry["key"]: entry for entry in service["envVars"]}
    assert set(variables) - {"NODE_BASE", "PORT"} <= BACKEND_VARIABLES
    assert variables["PORT"]["value"] == variables["CUSTARD_PORT"]["value"]
    for name in ("CUSTARD_API_KEYS", "OPENAI_API_KEY"):
        assert variables[name] == {"key": name, "sync": False}, "a secret is asked for, not written down"
    (volume,) = [rest for name, rest in in_stage(DEPLOY / "Dockerfile", "api") if name == "VOLUME"]
    assert json.loads(volume) == [service["disk"]["mountPath"]]


# --- Kubernetes --------------------------------------------------------------------------------------------


def test_the_pod_is_restricted(kubernetes: dict[str, Any]) -> None:
    spec = kubernetes["Deployment"]["spec"]["template"]["spec"]
    pod, (container,) = spec["securityContext"], spec["containers"]
    assert pod["runAsNonRoot"] is True
    assert pod["runAsUser"] > 0
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    own = container["securityContext"]
    assert own["allowPrivilegeEscalation"] is False
    assert own["readOnlyRootFilesystem"] is True
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert {"cpu", "memory"} <= set(container["resources"]["limits"])
    assert "ports" not in container, "the agent listens on nothing"
    assert kubernetes["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_deployment_has_one_session(kubernetes: dict[str, Any]) -> None:
    spec = kubernetes["Deployment"]["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_the_pod_names_only_settings_and_commands_that_exist(kubernetes: dict[str, Any]) -> None:
    (container,) = kubernetes["Deployment"]["spec"]["template"]["spec"]["containers"]
    named = {entry["name"] for entry in container["env"]} | set(kubernetes["Secret"]["stringData"])
    assert named <= AGENT_VARIABLES
    plain = {entry["name"] for entry in container["env"]}
    secret = {f"{AGENT_PREFIX}{name}" for name in ("TOKEN", "DSN")}
    assert not plain & secret, "secrets come from the Secret"
    command = container["livenessProbe"]["exec"]["command"]
    (check,) = [rest for name, rest in instructions(ROOT / "agent" / "Dockerfile") if name == "HEALTHCHECK"]
    assert command == json.loads(check.partition("CMD ")[2])
    build_parser().parse_args(command[3:])


def test_the_pods_policy_can_be_taken_and_lies_where_it_is_looked_for(kubernetes: dict[str, Any]) -> None:
    ((name, text),) = kubernetes["ConfigMap"]["data"].items()
    parse_policy(text)
    (container,) = kubernetes["Deployment"]["spec"]["template"]["spec"]["containers"]
    place = {entry["name"]: entry["value"] for entry in container["env"]}["CUSTARD_AGENT_POLICY"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert place == f"{mounts['policy']['mountPath']}/{name}"
    assert mounts["policy"]["readOnly"] is True


def test_the_network_lets_nothing_in_and_little_out(kubernetes: dict[str, Any]) -> None:
    policy = kubernetes["NetworkPolicy"]["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert policy["ingress"] == []
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 443, 5432}
    labels = kubernetes["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
