"""The bench measures real work and says what it is a ratio of; it asserts no speed."""

import json
import subprocess
import sys

from evals.bench.figure import measure


async def test_a_figure_is_the_ratio_of_the_medians() -> None:
    async def work(_: int) -> object:
        return sum(range(20_000))

    async def baseline(_: int) -> object:
        return sum(range(200))

    figure = await measure("sum", "a long sum : a short one", work, baseline, bursts=2, burst=20)
    assert figure.ratio > 1
    assert figure.repetitions == 40
    assert figure.ratio == round(figure.median_ms / figure.baseline_ms, 3) or figure.baseline_ms < 0.01


def test_the_command_reports_every_figure_with_its_machine() -> None:
    measured = subprocess.run(
        [sys.executable, "-m", "evals.bench", "--short", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert measured.returncode == 0, measured.stderr
    report = json.loads(measured.stdout)
    names = {figure["name"] for figure in report["figures"]}
    assert names == {"small_statement", "gate_fresh", "gate_cached", "question", "fold", "introspection"}
    assert report["machine"]["cpus"]
    assert all(figure["ratio"] > 0 and ":" in figure["what"] for figure in report["figures"])
