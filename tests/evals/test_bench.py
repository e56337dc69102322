"""The bench measures real work and says what it is a ratio of; it asserts no speed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from evals.bench import history
from evals.bench.bare_stream import running_streams
from evals.bench.carried import Relay
from evals.bench.figure import figure_of, measure
from evals.bench.herd import herd_figures
from evals.bench.processes import cpu_seconds, family_cpu_seconds
from evals.bench.report import Report

ARTIFACTS = Path(__file__).parents[2] / "artifacts"


async def test_a_figure_is_the_ratio_of_the_medians() -> None:
    async def work(_: int) -> object:
        return sum(range(20_000))

    async def baseline(_: int) -> object:
        return sum(range(200))

    figure = await measure("sum", "a long sum : a short one", work, baseline, bursts=2, burst=20)
    assert figure.ratio > 1
    assert figure.repetitions == 40
    assert figure.ratio == round(figure.median / figure.baseline, 3) or figure.baseline < 0.01


def test_the_command_reports_every_figure_with_its_machine() -> None:
    """The short form, kept in the user's own history as any other run; `make test` prints what it found."""
    measured = subprocess.run(
        [sys.executable, "-m", "evals.bench", "--short", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert measured.returncode == 0, measured.stderr
    report = json.loads(measured.stdout)
    ARTIFACTS.mkdir(exist_ok=True)
    (ARTIFACTS / "bench.md").write_text(_table(report), encoding="utf-8")
    names = {figure["name"] for figure in report["figures"]}
    assert names >= {
        *("small_statement", "gate_fresh", "gate_cached", "question", "fold", "first_event"),
        *("event_live", "event_paced", "event_again", "overhead_cpu", "overhead_wall", "small_query_cpu"),
        *("carried_csv", "carried_arrow", "snapshot_frame", "unchanged_frames"),
        *("export_csv", "export_arrow", "export_parquet", "introspection", "unchanged"),
    }
    assert report["machine"]["cpus"]
    assert [stream["kind"] for stream in report["streams"]] == ["live", "paced", "again", "bare"]
    assert all(stream["per_cpu_second"] > 0 for stream in report["streams"])
    assert all(figure["ratio"] > 0 and ":" in figure["what"] for figure in report["figures"])
    assert history.before(history.history_file(), "another commit").keys() >= names


def _table(report: dict[str, Any]) -> str:
    heads = ("figure", "ratio", "goal", "before", "median", "goal", "p99", "goal", "of", "what to what")
    lines = [f"| {' | '.join(heads)} |", f"|---|{'--:|' * 8}---|"]
    for figure in report["figures"]:
        told = [
            figure[field]
            for field in (
                *("name", "ratio", "goal", "before", "median", "median_goal", "p99", "p99_goal"),
                *("unit", "what"),
            )
        ]
        lines.append(f"| {' | '.join('' if value is None else str(value) for value in told)} |")
    return "\n".join([f"Commit {report['commit']}, {report['machine']}", "", *lines]) + "\n"


def test_figures_are_compared_with_the_last_other_commit(tmp_path: Path) -> None:
    kept = tmp_path / "folder" / "bench.db"
    assert history.before(kept, "c") == {}
    for of, mine in (("a", [0.2]), ("b", [0.3]), ("c", [0.4])):
        history.keep(kept, [figure_of("x", "one : other", mine, [0.1])], {"cpus": 2}, of)
    assert history.before(kept, "c") == {"x": 3.0}


def test_a_goal_stands_right_of_what_is_to_reach_it(capsys: pytest.CaptureFixture[str]) -> None:
    aiming = figure_of("x", "one : other", [0.002] * 3, [0.001], goal=1.1).aiming(median=5, p99=7)
    Report(figures=[aiming]).print({"x": 3.5})
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith(" x"))
    assert row.split() == ["x", "2", "≤", "1.1", "3.5", "2", "≤", "5", "2", "≤", "7", "1", "ms"]


def test_a_herds_peak_is_a_share_of_what_a_core_could_let_in() -> None:
    told = {
        "agents": 2_000,
        "backend_cpu_seconds": 2.0,
        "seconds_until_all_are_back": 7.0,
        "peak_accepts_in_a_second": 400,
        "asker_p99_ms": [4.0, 8.0],
    }
    back, peak, asker = herd_figures(told)
    assert (back.median, back.median_goal) == (7.0, 10.0)
    assert (peak.ratio, peak.goal) == (0.4, 0.6)
    assert (asker.ratio, asker.goal) == (2.0, 3.0)


def test_too_few_open_files_are_refused_with_what_to_do() -> None:
    bounded = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (300, 500));"
        "from evals.bench.processes import allow_files; allow_files(200);"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)); allow_files(10_000)"
    )
    asked = subprocess.run([sys.executable, "-c", bounded], capture_output=True, text=True, check=False)
    assert asked.stdout == "(456, 500)\n"
    assert "10,000 sockets need 10,256 open files" in asked.stderr
    assert "Raise the hard limit" in asked.stderr


def test_a_childs_time_counts_for_its_family() -> None:
    work = "sum(range(3_000_000)); print(1, flush=True); input()"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert family_cpu_seconds(process.pid) > cpu_seconds(process.pid) > 0


def test_a_relay_counts_what_the_far_end_sends_it() -> None:
    """And passes on what comes back: here the far end is a client, and the stream is the server's."""
    relay = Relay()
    with running_streams(3, 10) as (address, _), relay.between(address) as through:
        httpx2.get(f"{through}/go", trust_env=False)
    assert relay.bytes > len("GET /go HTTP/1.1")
