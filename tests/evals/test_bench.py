"""The bench measures real work and says what it is a ratio of; it asserts no speed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from evals.bench import history
from evals.bench.figure import figure_of, measure

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
        *("event_live", "event_paced", "event_again"),
        *("export_csv", "export_arrow", "export_parquet", "introspection", "unchanged"),
    }
    assert report["machine"]["cpus"]
    assert report["snapshot_bytes"] > 0
    assert [stream["kind"] for stream in report["streams"]] == ["live", "paced", "again", "bare"]
    assert all(stream["per_cpu_second"] > 0 for stream in report["streams"])
    assert all(figure["ratio"] > 0 and ":" in figure["what"] for figure in report["figures"])
    assert history.before(history.history_file(), "another commit").keys() >= names


def _table(report: dict[str, Any]) -> str:
    lines = ["| figure | ratio | goal | before | what to what |", "|---|--:|--:|--:|---|"]
    for figure in report["figures"]:
        goal, before = figure["goal"] or "", figure["before"] or ""
        lines.append(f"| {figure['name']} | {figure['ratio']} | {goal} | {before} | {figure['what']} |")
    return "\n".join([f"Commit {report['commit']}, {report['machine']}", "", *lines]) + "\n"


def test_figures_are_compared_with_the_last_other_commit(tmp_path: Path) -> None:
    kept = tmp_path / "folder" / "bench.db"
    assert history.before(kept, "c") == {}
    for of, mine in (("a", [0.2]), ("b", [0.3]), ("c", [0.4])):
        history.keep(kept, [figure_of("x", "one : other", mine, [0.1])], {"cpus": 2}, of)
    assert history.before(kept, "c") == {"x": 3.0}
