"""A run as Markdown, for commits and issues."""

from collections.abc import Iterable, Sequence

from evals.compare import Flip
from evals.report.figures import GROUP_HEAD, about, figures, group_row, verdict_on
from evals.report.subject import Subject


def markdown(subject: Subject) -> str:
    """The whole report."""
    lines = [f"# {subject.run.suite}: run {subject.run.run_id}", "", about(subject), ""]
    lines += _table(("", "All"), figures(subject))
    for name, groups in subject.groups:
        rows = [(group, *group_row(summary)) for group, summary in groups.items()]
        lines += ["", f"## By {name}", "", *_table(("", *GROUP_HEAD), rows)]
    if subject.summary.step_seconds:
        rows = [(step, f"{took:.2f}") for step, took in subject.summary.step_seconds.items()]
        lines += ["", "## Seconds by step", "", *_table(("", "Mean"), rows)]
    if subject.calibration is not None:
        bins = [
            (
                f"{one.low:.1f} to {one.high:.1f}",
                str(one.count),
                f"{one.confidence:.2f}",
                f"{one.correct:.2f}",
            )
            for one in subject.calibration.bins
        ]
        lines += ["", "## Calibration", "", *_table(("Confidence", "Answers", "Said", "Right"), bins)]
    if subject.comparison is not None:
        lines += ["", "## Beside the baseline", "", verdict_on(subject)]
        for title, flips in (("Lost", subject.comparison.lost), ("Gained", subject.comparison.gained)):
            if flips:
                lines += ["", f"**{title}**", "", *(line for flip in flips for line in _flip(flip))]
    lines += ["", "## Not correct", ""]
    for one in subject.cases:
        if not one.correct:
            lines += [
                f"- **{one.id}** ({one.db}, {one.verdict}) {_inline(one.question)}",
                f"  - predicted: {_code(one.predicted or one.refusal or one.error)}",
                *([f"  - accepted: {_code(one.accepted)}"] if one.accepted else []),
                *([f"  - {_inline(one.error)}"] if one.error else []),
            ]
    return "\n".join(lines) + "\n"


def _flip(flip: Flip) -> Iterable[str]:
    yield f"- **{flip.after.id}** {_inline(flip.after.question)}"
    for name, one in (("before", flip.before), ("after", flip.after)):
        yield f"  - {name} ({one.verdict}): {_code(one.predicted or one.refusal or one.error)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(_inline(cell) for cell in cells)} |"

    return [line(head), line(["---"] * len(head)), *map(line, rows)]


def _inline(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{' '.join(text.replace('`', chr(39)).split())}`"
