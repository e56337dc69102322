"""The agent's image: built as `make image` builds it, looked into, and run against a real database."""

import asyncio
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from wire.messages import End, Execute

ROOT = Path(__file__).parents[2]
PYTHON = "/opt/custard/bin/python"
ENVIRONMENT = {**os.environ, "STORAGE_DRIVER": "vfs"}

# The first build on a machine makes a Debian base, which takes minutes; later ones take the kept one.
pytestmark = [pytest.mark.system("buildah"), pytest.mark.timeout(900)]


def sources() -> str:
    """A name for the state of everything that the image is made of."""
    digest = hashlib.sha256()
    for folder in ("agent", "wire"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    digest.update((ROOT / "requirements" / "agent.txt").read_bytes())
    return digest.hexdigest()[:16]


def buildah(*arguments: str) -> str:
    done = subprocess.run(
        ["buildah", *arguments], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def container() -> Iterator[str]:
    """A container of the image; built unless one of exactly these sources is there."""
    tag = f"localhost/custard-agent-test:{sources()}"
    known = buildah("images", "--format", "{{.Name}}:{{.Tag}}").splitlines()
    if tag not in known:
        for old in known:
            if old.startswith("localhost/custard-agent-test:"):
                buildah("rmi", "--force", old)
        built = subprocess.run(
            ["deploy/image.sh"],
            cwd=ROOT,
            env={**ENVIRONMENT, "TAG": tag, "ENGINE": "buildah"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == 0, built.stderr
    name = buildah("from", "--pull-never", tag)
    yield name
    buildah("rm", name)


def run(container: str, *command: str) -> str:
    return buildah("run", "--isolation", "chroot", container, "--", *command)


def test_it_holds_the_agent_and_nothing_else_of_custards(container: str) -> None:
    program = (
        "import importlib.util as u, json, os, agent.client, agent.sandbox.gate;"
        "names = ['wire', 'agent', 'api', 'graph', 'prompts', 'evals', 'embedded', 'cli', 'fastapi',"
        " 'langgraph', 'langchain_core', 'typer', 'pip'];"
        "print(json.dumps({'uid': os.getuid(), 'found': [n for n in names if u.find_spec(n)]}))"
    )
    seen = json.loads(run(container, PYTHON, "-c", program))
    assert seen["found"] == ["wire", "agent"]
    assert seen["uid"] > 0


def test_nothing_of_it_can_be_written(container: str) -> None:
    program = (
        "import os; print([p for p in ('/', '/app', '/app/agent', '/opt/custard', '/etc')"
        " if os.access(p, os.W_OK)])"
    )
    assert run(container, PYTHON, "-c", program) == "[]"


def test_its_instructions_need_no_shell(container: str) -> None:
    config = json.loads(buildah("inspect", container))["Docker"]["config"]
    assert config["Entrypoint"] == [PYTHON, "-m", "agent"]
    assert config["Cmd"] == ["run"]
    assert config["Healthcheck"]["Test"] == ["CMD", PYTHON, "-m", "agent", "health"]
    assert config["User"] == "10001:10001"
    assert not config.get("ExposedPorts")


def test_the_engines_own_seccomp_profile_holds_it(container: str) -> None:
    """The tests here run under it: what the agent needs, it permits."""
    status = run(container, "/bin/grep", "-E", "^(Seccomp|CapEff):", "/proc/self/status")
    assert dict(line.split() for line in status.splitlines()) == {"CapEff:": "0" * 16, "Seccomp:": "2"}


async def test_it_serves(container: str, backend: Any, place: Any, statement_id: Any, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('default = "deny"\n[tables."public.people"]\nallow = true\n')
    policy.chmod(0o644)
    settings = {
        "CUSTARD_AGENT_SERVER": backend.url,
        "CUSTARD_AGENT_TOKEN": "right",
        "CUSTARD_AGENT_DSN": place.dsn,
        "CUSTARD_AGENT_POLICY": "/policy.toml",
        "CUSTARD_AGENT_HEALTH_FILE": "/tmp/agent.health",
        "CUSTARD_AGENT_HOME": "/tmp",
        # The role of this folder's tests may read more than this policy.
        "CUSTARD_AGENT_ACCEPT_DANGERS": '["sees_more", "creates"]',
    }
    child = await asyncio.create_subprocess_exec(
        "buildah",
        "run",
        "--isolation",
        "chroot",
        "--volume",
        f"{policy}:/policy.toml:ro",
        *(part for name, value in settings.items() for part in ("--env", f"{name}={value}")),
        container,
        "--",
        PYTHON,
        "-m",
        "agent",
        "run",
        env=ENVIRONMENT,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        peer = await backend.peer()
        sid = statement_id()
        await peer.tell(Execute(statement_id=sid, sql="SELECT count(*) FROM people"))
        frames, end = await peer.result(sid)
        assert isinstance(end, End), end
        assert frames[0].rows() == [["100"]]
        assert "Attached" in run(
            container,
            "/usr/bin/env",
            "CUSTARD_AGENT_HEALTH_FILE=/tmp/agent.health",
            PYTHON,
            "-m",
            "agent",
            "health",
        )
        # The backend shows it the door: that ends it, and with it the process that runs the image.
        await peer.socket.close(4403, "revoked")
        _, err = await asyncio.wait_for(child.communicate(), 30)
        assert b"revoked" in err
        assert child.returncode == 1
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


class Cell:
    """The image as an orchestrator would lock it up, made of what the kernel offers.

    A read-only root with a small ``/tmp``, user 10001, no capability and none to be had, no new privileges;
    a network of its own whose packet filter lets out two addresses.
    """

    def __init__(self, root: str, name: str, allowed: list[int]) -> None:
        self.root = root
        self.name = name
        self.host, self.guest = "10.213.77.1", "10.213.77.2"
        self._allowed = ", ".join(map(str, allowed))

    def __enter__(self) -> "Cell":
        link = self.name[-8:]
        for command in (
            f"ip netns add {self.name}",
            f"ip link add h{link} type veth peer name g{link} netns {self.name}",
            f"ip addr add {self.host}/30 dev h{link}",
            f"ip link set h{link} up",
            f"ip -n {self.name} addr add {self.guest}/30 dev g{link}",
            f"ip -n {self.name} link set lo up",
            f"ip -n {self.name} link set g{link} up",
            f"ip -n {self.name} route add default via {self.host}",
            f"ip netns exec {self.name} nft add table inet out",
            f"ip netns exec {self.name} nft add chain inet out o"
            " { type filter hook output priority 0 ; policy drop ; }",
            f"ip netns exec {self.name} nft add rule inet out o ip daddr {self.host}"
            f" tcp dport {{ {self._allowed} }} accept",
        ):
            done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
            assert done.returncode == 0, (command, done.stderr)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)

    def command(self, *words: str, settings: dict[str, str] | None = None) -> list[str]:
        """What starts ``words`` in here."""
        mounts = (
            'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"'
            ' && mount -t tmpfs -o size=16m tmpfs "$0/tmp" && mount -t proc proc "$0/proc"'
            ' && mount --bind -o ro /dev "$0/dev"'
            ' && root=$0 && exec chroot "$root" "$@"'
        )
        locked = "setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs"
        locked += " --bounding-set=-all --inh-caps=-all --ambient-caps=-all"
        environment = [f"{name}={value}" for name, value in (settings or {}).items()]
        start = [
            "env",
            "-i",
            "PATH=/usr/bin:/bin",
            "PYTHONPATH=/app",
            "PYTHONDONTWRITEBYTECODE=1",
            *environment,
        ]
        inside = ["ip", "netns", "exec", self.name, "unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*inside, "sh", "-c", mounts, self.root, *locked.split(), *start, *words]


async def forward(host: str, port: int) -> asyncio.Server:
    """What comes in at this address goes on to the same port on loopback."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except OSError:
            return
        finally:
            writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, onward), pump(onward_reader, writer))

    return await asyncio.start_server(accept, host, port)


PROBE = """
import json, os, socket, sys
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
told = {name: status[name].strip() for name in ("CapEff", "CapBnd", "NoNewPrivs")} | {"uid": os.getuid()}
written = []
for path in ("/x", "/app/agent/x.py", "/opt/custard/x", "/etc/x", "/var/x", "/home/x"):
    try:
        open(path, "w").close()
        written.append(path)
    except OSError:
        pass
open("/tmp/x", "w").close()
reached = []
for address in json.loads(sys.argv[1]):
    try:
        socket.create_connection(tuple(address), 1).close()
        reached.append(address)
    except OSError:
        pass
print(json.dumps(told | {"written": written, "reached": reached}))
"""


@pytest.mark.system("namespaces")
@pytest.mark.parametrize("place", ["embedded"], indirect=True)
async def test_it_serves_locked_up(
    container: str, backend: Any, place: Any, statement_id: Any, free_port: int
) -> None:
    """Nothing that a hardened deployment takes away is missed, and what is taken away is gone."""
    root = buildah("mount", container)
    policy = Path(root) / "policy.toml"
    policy.write_text('default = "deny"\n[tables."public.people"]\nallow = true\n')
    database = int(psycopg.conninfo.conninfo_to_dict(place.dsn)["port"])
    servers: list[asyncio.Server] = []
    child: asyncio.subprocess.Process | None = None
    try:
        with Cell(root, f"custard-{os.getpid():08d}", [backend.port, database]) as cell:
            servers += [await forward(cell.host, port) for port in (backend.port, database, free_port)]
            addresses = [[cell.host, backend.port], [cell.host, database], [cell.host, free_port]]
            addresses += [["127.0.0.1", database], ["192.0.2.1", 443], [cell.host, 53]]
            probe = await asyncio.create_subprocess_exec(
                *cell.command(PYTHON, "-c", PROBE, json.dumps(addresses)),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await asyncio.wait_for(probe.communicate(), 120)
            assert probe.returncode == 0, err
            seen = json.loads(out)
            assert (seen["uid"], seen["NoNewPrivs"]) == (10001, "1")
            assert int(seen["CapEff"], 16) == int(seen["CapBnd"], 16) == 0
            assert seen["written"] == []
            assert seen["reached"] == addresses[:2]
            settings = {
                "CUSTARD_AGENT_SERVER": f"http://{cell.host}:{backend.port}",
                "CUSTARD_AGENT_PLAINTEXT_HOSTS": json.dumps([cell.host]),
                "CUSTARD_AGENT_TOKEN": "right",
                "CUSTARD_AGENT_DSN": psycopg.conninfo.make_conninfo(place.dsn, host=cell.host),
                "CUSTARD_AGENT_POLICY": "/policy.toml",
                "CUSTARD_AGENT_HOME": "/tmp",
                "CUSTARD_AGENT_ACCEPT_DANGERS": '["sees_more", "creates"]',
            }
            child = await asyncio.create_subprocess_exec(
                *cell.command(PYTHON, "-m", "agent", "run", settings=settings),
                stderr=asyncio.subprocess.PIPE,
            )
            peer = await backend.peer()
            for sql, kind in (("SELECT count(*) FROM people", "end"), ("SELECT word FROM secrets", "failed")):
                sid = statement_id()
                await peer.tell(Execute(statement_id=sid, sql=sql))
                _, ended = await peer.result(sid)
                assert ended.type == kind, ended
            await peer.socket.close(4403, "revoked")
            _, err = await asyncio.wait_for(child.communicate(), 60)
            assert b"revoked" in err
    finally:
        if child is not None and child.returncode is None:
            child.kill()
            await child.wait()
        for server in servers:
            server.close()
        policy.unlink()
        buildah("umount", container)
