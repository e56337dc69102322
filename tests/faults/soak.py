"""``make soak``: random faults on a chain under load, for minutes; no question may be lost.

Everything follows from a seed, which is printed first: ``make soak SEED=…`` draws the same faults again. A
question is lost when it was taken (202) and has no ending, more than one, or a wrong answer.
"""

import argparse
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

import psycopg

from cli.errors import CommandError
from embedded.postgres import temporary_postgres
from tests.faults.model import Manner
from tests.faults.plant import Plant
from tests.faults.proxy import Fault, Loop

FIRST = "How many staff have an id below 11?"
Asked = dict[str, int]


class Load:
    """Askers that ask as long as they may; what was taken, and the figure that is right for it."""

    def __init__(self, plant: Plant, askers: int, seed: int) -> None:
        self.taken: Asked = {}
        self.turned_away = 0
        self._plant = plant
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._ask, args=(random.Random(seed + number),), daemon=True)
            for number in range(askers)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, chance: random.Random) -> None:
        with self._plant.client(direct=True) as backend:
            while not self._over.is_set():
                below = chance.randrange(2, 1000)
                body = {
                    "connection_id": self._plant.connection_id,
                    "question": f"How many staff have an id below {below}?",
                }
                try:
                    run_id = str(
                        backend.post("/api/v1/query", body, prefer="respond-async, detached")["run_id"]
                    )
                    with self._lock:
                        self.taken[run_id] = below - 1
                    for _ in backend.events(run_id):
                        pass
                except CommandError:
                    # Not taken, or its stream was lost for good: the run itself is looked at in the end.
                    with self._lock:
                        self.turned_away += 1
                    time.sleep(0.2)

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)


def faults(plant: Plant, chance: random.Random) -> dict[str, Callable[[], None]]:
    """What may happen, by name. Each ends with nothing broken."""

    def killed(name: str) -> None:
        plant.kill(name)
        time.sleep(chance.uniform(0, 1))
        plant.launch(name)

    def paused() -> None:
        with plant.paused("agent"):
            time.sleep(chance.uniform(0.5, 4))

    def silent() -> None:
        with plant.wire.fault(up=Fault(blackhole=True), down=Fault(blackhole=True)):
            time.sleep(chance.uniform(0.5, 4))

    def slow() -> None:
        link = chance.choice([plant.wire, plant.database, plant.language, plant.store])
        with link.fault(down=Fault(latency=0.02, jitter=0.05, slicer=200)):
            time.sleep(2)

    def turned_over() -> None:
        # Up only: a bit of the SQL itself that turns over on its way down is for TLS to find.
        with plant.wire.fault(up=Fault(corrupt=0.2)):
            time.sleep(0.5)

    def speechless() -> None:
        plant.model.manner = chance.choice([Manner(status=500), Manner(break_after=1), Manner(garbage=True)])
        time.sleep(1)
        plant.model.manner = Manner()

    def failover() -> None:
        with psycopg.connect(plant.postgres.dsn(), autocommit=True) as conn:
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'")

    def away() -> None:
        plant.store.refuse()
        time.sleep(chance.uniform(0.2, 2))
        plant.store.accept()

    return {
        "agent killed": lambda: killed("agent"),
        "agent stopped for a while": paused,
        "backend killed": lambda: killed("backend"),
        "agent's line reset": lambda: plant.wire.reset(),
        "agent's line silent": silent,
        "a link slow": slow,
        "bits turned over": turned_over,
        "model fails": speechless,
        "database's connections ended": failover,
        "store away": away,
    }


def soak(plant: Plant, seconds: float, askers: int, seed: int) -> int:
    """Soak for so long, and say what came of it; the exit code."""
    chance = random.Random(seed)
    plant.check()
    before = plant.at_rest()
    load = Load(plant, askers, seed)
    possible = faults(plant, chance)
    happened: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        name = chance.choice(sorted(possible))
        possible[name]()
        happened[name] += 1
        time.sleep(chance.uniform(0.5, 3))
    plant.mend()
    load.end()
    plant.runs += load.taken
    endings: Counter[str] = Counter()
    wrong = []
    for run in plant.check():
        problem = run["problem"]["code"] if run["problem"] else ""
        endings[f"{run['status']} {problem}".strip()] += 1
        if run["status"] == "succeeded" and run["answer"]["rows"] != [[load.taken[run["run_id"]]]]:
            wrong.append(run["run_id"])
    plant.ask(FIRST)
    plant.check(baseline=before)
    print(f"faults     {sum(happened.values())}: {dict(happened)}")
    print(f"questions  {len(load.taken)} taken, {load.turned_away} turned away or cut off and looked up")
    print(f"endings    {dict(endings)}")
    print(f"lost       {len(wrong)} {wrong}")
    print("tasks, files and memory are back to where they were")
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--askers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    print(f"seed       {options.seed}", flush=True)
    loop = Loop()
    try:
        with temporary_postgres() as postgres:
            with psycopg.connect(postgres.dsn(), autocommit=True) as conn:
                conn.execute("ALTER SYSTEM SET log_line_prefix = '%m [%p] %a '")
                conn.execute("SELECT pg_reload_conf()")
            with Plant(postgres, loop) as plant:
                plant.teach()
                plant.ask(FIRST)
                return soak(plant, options.minutes * 60, options.askers, options.seed)
    finally:
        loop.close()


if __name__ == "__main__":
    sys.exit(main())
