"""What one run of the bench has found, as JSON and as a table for a person."""

from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.bench.figure import Figure
from evals.bench.load import Load
from evals.bench.streams import Stream

_WIDTH = 110
"""Characters of the table; a pipe would make it eighty and cut the numbers."""


@dataclass
class Report:
    """What one run of the bench has found."""

    figures: list[Figure] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    memory: list[dict[str, Any]] = field(default_factory=list)
    herd: dict[str, Any] | None = None
    """As ``evals.bench.herd`` tells it."""

    def told(self, machine: dict[str, object], of: str, earlier: dict[str, float]) -> dict[str, Any]:
        """For JSON.

        Args:
            machine: what it was measured on.
            of: the commit.
            earlier: the ratios of the commit before, by the figure's name.
        """
        return {
            "machine": machine,
            "commit": of,
            "figures": [
                {**figure.model_dump(), "before": earlier.get(figure.name)} for figure in self.figures
            ],
            "loads": [load.model_dump() for load in self.loads],
            "streams": [stream.model_dump() for stream in self.streams],
            "memory": self.memory,
            "herd": self.herd,
        }

    def print(self, earlier: dict[str, float]) -> None:
        """For a person: the figures with their goals, what each is, and what is no ratio."""
        out = Console(highlight=False)
        out.width = max(out.width, _WIDTH)
        out.print(_table(self.figures, earlier))
        for figure in self.figures:
            out.print(f"[dim]{figure.name}: {figure.what}[/]")
        for load in self.loads:
            out.print(
                f"{load.replicas} replica{'s' if load.replicas > 1 else ''}"
                f" with {load.agents} agent{'s' if load.agents > 1 else ''}, {load.concurrent} at once:"
                f" {load.questions_per_second} questions a second,"
                f" p50 {load.p50_ms} ms, p99 {load.p99_ms} ms, {load.failed} of {load.questions} failed"
            )
        for stream in self.streams:
            clock = "" if stream.per_second is None else f"{stream.per_second:,} events a second, "
            goal = "" if stream.goal is None else f" (goal {stream.goal:,})"
            out.print(
                f"streams to {stream.listeners} listeners, {stream.kind}: {clock}"
                f"{stream.per_cpu_second:,} for each second of processor time{goal}"
            )
        if self.herd is not None:
            out.print(f"agents that come back at once: {self.herd}")
        for curve in self.memory:
            held = ", ".join(
                f"the {who} +{curve[of]['grown']} MB (goal ≤ {curve[of]['goal']}) on {curve[of]['before']}"
                for who, of in (("agent", "agent_mb"), ("backend", "backend_mb"))
            )
            out.print(f"{curve['reader']} reader: {curve['megabytes']} MB in {curve['seconds']} s, {held}")


def _table(figures: list[Figure], earlier: dict[str, float]) -> Table:
    """A figure a row; each goal stands right of what is to reach it."""
    table = Table(box=None, header_style="bold")
    table.add_column("figure", no_wrap=True)
    for heading in ("ratio", "goal", "before", "median", "goal", "p99", "goal", "baseline", "of"):
        table.add_column(heading, justify="right", no_wrap=True)
    for figure in figures:
        table.add_row(
            figure.name,
            _number(figure.ratio),
            _goal(figure.goal),
            _number(earlier.get(figure.name)),
            _number(figure.median),
            _goal(figure.median_goal),
            _number(figure.p99),
            _goal(figure.p99_goal),
            _number(figure.baseline),
            figure.unit,
        )
    return table


def _number(value: float | None) -> str:
    """Three digits at least, none lost before the point."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _goal(goal: float | None) -> str:
    return "" if goal is None else f"≤ {_number(goal)}"
