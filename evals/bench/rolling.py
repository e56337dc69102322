"""Rolling deployments and killed replicas under load: ``python -m evals.bench.rolling --rolls 20``.

Starts ``custard up --replicas`` with an agent and a model that answers at once, asks without a pause, and
meanwhile replaces every replica again and again. Prints what became of every question, as JSON.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from embedded.ports import free_port
from embedded.postgres import temporary_postgres
from evals.bench.chain import POLICY, make_role
from evals.bench.model_server import scripted_model

SQL = "SELECT id, name FROM bench.items WHERE id <= 20"
_START_SECONDS = 180.0
_ROLL_SECONDS = 240.0


@dataclass
class Load:
    """Askers that ask without a pause, and what became of their questions."""

    url: str
    connection_id: str
    seconds: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    gaps: list[float] = field(default_factory=list)
    """Seconds between the end of a stream that was cut and the next event of the same run."""
    stopping: bool = False

    async def ask(self) -> None:
        """Ask for the finished run, one question after another."""
        async with httpx2.AsyncClient(base_url=self.url, timeout=120, trust_env=False) as http:
            while not self.stopping:
                began = time.monotonic()
                try:
                    answer = await http.post("/api/v1/query", json=self._body())
                    run = answer.json()
                    state = str(run.get("code") or run["status"])
                except httpx2.HTTPError as error:
                    state = type(error).__name__
                self._count(state, began)

    async def listen(self) -> None:
        """Ask, and follow the events as a browser does: back with Last-Event-ID after a cut."""
        async with httpx2.AsyncClient(base_url=self.url, timeout=120, trust_env=False) as http:
            while not self.stopping:
                began = time.monotonic()
                try:
                    state = await self._follow(http)
                except (httpx2.HTTPError, KeyError, TimeoutError) as error:
                    state = type(error).__name__
                self._count(state, began)

    async def _follow(self, http: httpx2.AsyncClient) -> str:
        headers = {"Prefer": "respond-async"}
        asked = await http.post("/api/v1/query", json=self._body(), headers=headers)
        if asked.status_code != 202:
            return str(asked.json().get("code"))
        path, last, cut = f"/api/v1/runs/{asked.json()['run_id']}/events", 0, 0.0
        async with asyncio.timeout(60):
            while True:
                try:
                    async with http.stream("GET", path, headers={"Last-Event-ID": str(last)}) as stream:
                        async for line in stream.aiter_lines():
                            if line.startswith("id: "):
                                if int(line[4:]) != last + 1:
                                    return "gap or duplicate"
                                last += 1
                                if cut:
                                    self.gaps.append(time.monotonic() - cut)
                                    cut = 0.0
                            elif line in ("event: answered", "event: run_failed", "event: run_cancelled"):
                                return "succeeded" if line == "event: answered" else line
                except httpx2.HTTPError:
                    pass
                cut = cut or time.monotonic()
                await asyncio.sleep(0.05)

    def _body(self) -> dict[str, str]:
        return {"connection_id": self.connection_id, "question": "Which items have an id up to 20?"}

    def _count(self, state: str, began: float) -> None:
        if state == "succeeded":
            self.seconds.append(time.monotonic() - began)
        else:
            self.failed[state] += 1

    def told(self) -> dict[str, Any]:
        """Counts and times."""
        times = sorted(self.seconds) or [0.0]
        return {
            "questions": len(self.seconds) + sum(self.failed.values()),
            "failed": dict(self.failed),
            "p50_ms": round(statistics.median(times) * 1000),
            "p99_ms": round(times[int(len(times) * 0.99)] * 1000),
            "max_ms": round(times[-1] * 1000),
            "streams_cut": len(self.gaps),
            "longest_gap_ms": round(max(self.gaps, default=0.0) * 1000),
        }


async def rolling(rolls: int, replicas: int, kills: int, askers: int) -> dict[str, Any]:
    """Run it all."""
    with tempfile.TemporaryDirectory(prefix="custard-rolling-") as folder, temporary_postgres() as customer:
        dsn = make_role(customer)
        with psycopg.connect(customer.dsn(), autocommit=True) as conn:
            conn.execute("CREATE TABLE bench.items (id int PRIMARY KEY, name text)")
            conn.execute("INSERT INTO bench.items SELECT g, 'item ' || g FROM generate_series(1, 1000) AS g")
        with scripted_model(SQL, pause=0.1) as model:
            return await _with_backend(Path(folder), dsn, model, rolls, replicas, kills, askers)


async def _with_backend(
    home: Path, dsn: str, model: str, rolls: int, replicas: int, kills: int, askers: int
) -> dict[str, Any]:
    url = f"http://127.0.0.1:{(port := free_port())}"
    environment = {
        **os.environ,
        "CUSTARD_HOME": str(home / "home"),
        "CUSTARD_MODEL_BASE_URL": model,
        "CUSTARD_LOG_LEVEL": "info",
        "NO_COLOR": "1",
    }
    for name in ("CUSTARD_DATABASE_URL", "CUSTARD_NATS_URL"):
        environment.pop(name, None)
    arguments = ["-m", "cli", "up", "--replicas", str(replicas), "--port", str(port)]
    up = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment, stderr=asyncio.subprocess.PIPE
    )
    agent = None
    try:
        await _line(up, " replicas at ", _START_SECONDS)
        async with httpx2.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
            made = (await http.post("/api/v1", json={"name": "rolling"})).json()
            code = {"join_code": made["join_code"]}
            token = (await http.post("/api/v1/agents/join", json=code)).json()["token"]
            agent = await _agent(home, url, token, dsn)
            path = f"/api/v1/connections/{made['connection_id']}"
            async with asyncio.timeout(_START_SECONDS):
                while not (await http.get(path)).json()["fingerprint"]:  # noqa: ASYNC110  # in another process
                    await asyncio.sleep(0.1)
        load = Load(url, made["connection_id"])
        asking = [asyncio.create_task(load.ask()) for _ in range(askers)]
        asking += [asyncio.create_task(load.listen()) for _ in range(askers)]
        await asyncio.sleep(5.0)  # what is imported with the first question
        began, took = time.monotonic(), []
        for number in range(rolls):
            at = time.monotonic()
            up.send_signal(signal.SIGHUP)
            await _line(up, "Every replica was replaced.", _ROLL_SECONDS)
            took.append(round(time.monotonic() - at, 1))
            print(f"{number + 1} of {rolls}: {load.told()}", file=sys.stderr, flush=True)
        for _ in range(kills):
            os.kill(_a_replica(up.pid), signal.SIGKILL)
            await _line(up, "it is started again", _ROLL_SECONDS)
            await asyncio.sleep(12.0)
        load.stopping = True
        await asyncio.gather(*asking)
        elapsed = time.monotonic() - began
        return {"rolls": rolls, "kills": kills, "replicas": replicas, "seconds_each": took} | {
            **load.told(),
            "questions_per_second": round(len(load.seconds) / elapsed, 1),
        }
    finally:
        for process in (agent, up):
            if process is not None and process.returncode is None:
                process.terminate()
                await process.wait()


async def _agent(home: Path, url: str, token: str, dsn: str) -> asyncio.subprocess.Process:
    (home / "policy.toml").write_text(POLICY, encoding="utf-8")
    environment = {
        **os.environ,
        "CUSTARD_AGENT_HOME": str(home / "agent"),
        "CUSTARD_AGENT_HEALTH_FILE": str(home / "health"),
        "CUSTARD_AGENT_SERVER": url,
        "CUSTARD_AGENT_TOKEN": token,
        "CUSTARD_AGENT_DSN": dsn,
        "CUSTARD_AGENT_POLICY": str(home / "policy.toml"),
        "CUSTARD_AGENT_ACCEPT_DANGERS": '["sees_more", "creates"]',
        "CUSTARD_AGENT_LOG_LEVEL": "error",
    }
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "agent", "run", env=environment)


async def _line(process: asyncio.subprocess.Process, wanted: str, seconds: float) -> None:
    assert process.stderr is not None
    async with asyncio.timeout(seconds):
        async for line in process.stderr:
            text = line.decode(errors="replace").rstrip()
            if wanted in text:
                return
            print(text, file=sys.stderr)
    raise RuntimeError(f"custard up ended before it said {wanted!r}")


def _a_replica(parent: int) -> int:
    """The oldest child of ``custard up`` that is a backend."""
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        if b"\0cli\0up" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    raise RuntimeError("no replica runs")


def main() -> None:
    """Run with the command line's numbers."""
    parser = argparse.ArgumentParser(description="Rolling deployments and killed replicas under load.")
    parser.add_argument("--rolls", type=int, default=20)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--askers", type=int, default=2, help="of each kind: that wait, and that listen")
    given = parser.parse_args()
    told = asyncio.run(rolling(given.rolls, given.replicas, given.kills, given.askers))
    print(json.dumps(told, indent=2))
    raise SystemExit(1 if told["failed"] else 0)


if __name__ == "__main__":
    main()
