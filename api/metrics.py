"""Counts and times for Prometheus. Labels are closed sets: never a name, a question or a row."""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from graph.run import Run
from wire.outcome import Outcome

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)


class Metrics:
    """One application's metrics, in a registry of its own so that several can live in a process."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._runs = Counter("custard_runs", "Runs by how they ended.", ["status"], registry=self.registry)
        self._seconds = Histogram(
            "custard_run_seconds",
            "From question to end.",
            ["status"],
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._attempts = Histogram(
            "custard_run_attempts",
            "SQL attempts of a run.",
            registry=self.registry,
            buckets=(0, 1, 2, 3, 4, 6),
        )
        self._tokens = Counter(
            "custard_model_tokens", "Tokens by direction.", ["way"], registry=self.registry
        )
        self._statements = Counter(
            "custard_statements", "Statements by what became of them.", ["outcome"], registry=self.registry
        )
        self._statement_seconds = Histogram(
            "custard_statement_seconds",
            "From sending to the last row.",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._bytes = Counter("custard_result_bytes", "Bytes of result bodies.", registry=self.registry)
        self.agents = Gauge("custard_agents_online", "Attached agents.", registry=self.registry)
        self.running = Gauge("custard_runs_running", "Runs under way.", registry=self.registry)
        self.wire_errors = Counter(
            "custard_wire_errors",
            "Frames of agents that could not be taken.",
            ["code"],
            registry=self.registry,
        )

    def ended(self, run: Run) -> None:
        """Count a run that has ended."""
        self._runs.labels(run.status).inc()
        if run.finished_at is not None:
            self._seconds.labels(run.status).observe((run.finished_at - run.created_at).total_seconds())
        self._attempts.observe(len(run.attempts))
        self._tokens.labels("in").inc(run.usage.input_tokens)
        self._tokens.labels("out").inc(run.usage.output_tokens)

    def executed(self, outcome: Outcome, seconds: float) -> None:
        """Count a statement that has come back."""
        self._statements.labels("rows" if outcome.kind == "rows" else outcome.code).inc()
        self._statement_seconds.observe(seconds)
        if outcome.kind == "rows":
            self._bytes.inc(outcome.size_bytes)

    def render(self) -> bytes:
        """Prometheus's text."""
        return generate_latest(self.registry)
