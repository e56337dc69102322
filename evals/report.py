"""A run as one page: Markdown for people and commits, HTML to look through, JUnit for CI."""

import html
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from importlib.resources import files
from string import Template

from evals.compare import Comparison, Flip
from evals.metrics import Share, Summary, by_group, summarize
from evals.record import CaseResult, SuiteRun


def markdown(run: SuiteRun, results: Sequence[CaseResult], comparison: Comparison | None = None) -> str:
    """The whole report."""
    lines = [f"# {run.suite}: run {run.run_id}", "", _about(run, len(results)), ""]
    lines += _table(("", "All"), [(name, value) for name, value in figures(summarize(results))])
    for title, groups in (
        ("By category", by_group(results, lambda one: one.category)),
        ("By database", by_group(results, lambda one: one.db)),
    ):
        lines += ["", f"## {title}", "", *_group_table(groups)]
    if comparison is not None:
        lines += ["", "## Beside the baseline", "", *_comparison(comparison)]
    lines += ["", "## Not correct", ""]
    for one in results:
        if not one.correct:
            lines += [
                f"- **{one.id}** ({one.db}, {one.verdict}) {_inline(one.question)}",
                f"  - predicted: {_code(one.predicted or one.refusal or one.error)}",
                *([f"  - accepted: {_code(one.accepted)}"] if one.accepted else []),
                *([f"  - {_inline(one.error)}"] if one.error else []),
            ]
    return "\n".join(lines) + "\n"


def figures(summary: Summary) -> list[tuple[str, str]]:
    """The headline figures, as text."""
    seconds = (summary.seconds, summary.seconds_p50, summary.seconds_p90)
    reliability = (summary.reliability_1, summary.reliability_10)
    return [
        ("Correct", _share(summary.correct)),
        ("… exact", _share(summary.exact)),
        ("Valid SQL", _share(summary.valid)),
        ("… at the first attempt", _share(summary.first_valid)),
        ("Unanswerable refused", _share(summary.abstained)),
        ("False refusals", _share(summary.false_refusals)),
        ("Wrong without a word", _share(summary.silent_wrong)),
        ("Attempts a question", f"{summary.attempts:.2f}"),
        ("Model calls a question", f"{summary.model_calls:.2f}"),
        ("Tokens in / out a question", f"{summary.tokens_in:.0f} / {summary.tokens_out:.0f}"),
        ("Seconds: mean, median, 90 %", ", ".join(f"{value:.1f}" for value in seconds)),
        ("Own code and database, median", f"{summary.own_ms_p50:.0f} ms"),
        ("Reliability, a wrong answer at −1 / −10", " / ".join(f"{value:.2f}" for value in reliability)),
        *([("Cases that could not be scored", str(summary.unscored))] if summary.unscored else []),
    ]  # fmt: skip


def webpage(run: SuiteRun, results: Sequence[CaseResult], comparison: Comparison | None = None) -> str:
    """One static page without any dependency: filters by verdict and text, SQL beside the accepted one."""
    flips = {flip.after.id: "lost" for flip in comparison.lost} if comparison else {}
    flips |= {flip.after.id: "gained" for flip in comparison.gained} if comparison else {}
    rows = "".join(_row(one, flips.get(one.id, "")) for one in results)
    head = "".join(
        f"<tr><th>{html.escape(name)}<td>{html.escape(value)}" for name, value in figures(summarize(results))
    )
    return _page().substitute(
        title=html.escape(f"{run.suite}: run {run.run_id}"),
        about=html.escape(_about(run, len(results))),
        head=head,
        rows=rows,
    )


def junit(run: SuiteRun, results: Sequence[CaseResult]) -> str:
    """A test suite in JUnit's XML: a case that is not correct is a failure."""
    wrong = sum(not one.correct for one in results)
    suite = ET.Element(
        "testsuite",
        name=run.suite,
        tests=str(len(results)),
        failures=str(wrong),
        timestamp=f"{run.started_at:%FT%T}",
    )
    for one in results:
        case = ET.SubElement(
            suite, "testcase", classname=f"{one.db}.{one.category}", name=one.id, time=f"{one.seconds:.3f}"
        )
        if not one.correct:
            failure = ET.SubElement(case, "failure", message=one.verdict)
            failure.text = f"{one.question}\n\n{one.predicted or one.refusal or one.error}\n\n{one.accepted}"
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def _about(run: SuiteRun, count: int) -> str:
    off = f" Without: {', '.join(run.without)}." if run.without else ""
    commit = f", commit {run.commit}" if run.commit else ""
    return f"{count} cases, model {run.model}, {run.started_at:%Y-%m-%d %H:%M} UTC{commit}.{off}"


def _share(share: Share) -> str:
    if not share.of:
        return "–"
    low, high = share.interval
    return f"{share.value:.1%} ({share.count} of {share.of}; {low:.0%} to {high:.0%})"


def _group_table(groups: dict[str, Summary]) -> list[str]:
    rows = [
        (
            name,
            *(
                f"{part.count}/{part.of}"
                for part in (one.correct, one.valid, one.abstained, one.silent_wrong)
            ),
            f"{one.seconds:.1f}",
        )
        for name, one in groups.items()
    ]
    return _table(("", "Correct", "Valid", "Refused rightly", "Wrong without a word", "Seconds"), rows)


def _comparison(comparison: Comparison) -> list[str]:
    said = "a regression" if comparison.is_regression else "no regression beyond noise"
    lines = [
        f"{comparison.common} cases in common: {len(comparison.gained)} gained, {len(comparison.lost)} lost,"
        f" sign test p = {comparison.p_value:.3f}: {said}."
    ]
    for title, flips in (("Lost", comparison.lost), ("Gained", comparison.gained)):
        if flips:
            lines += ["", f"**{title}**", "", *(line for flip in flips for line in _flip(flip))]
    return lines


def _flip(flip: Flip) -> Iterable[str]:
    yield f"- **{flip.after.id}** {_inline(flip.after.question)}"
    for name, one in (("before", flip.before), ("after", flip.after)):
        yield f"  - {name} ({one.verdict}): {_code(one.predicted or one.refusal or one.error)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    return [line(head), line(["---"] * len(head)), *map(line, rows)]


def _inline(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{' '.join(text.replace('`', chr(39)).split())}`"


def _row(one: CaseResult, flip: str) -> str:
    attempts = "".join(
        f"<li><b>{attempt.origin}</b> <code>{html.escape(attempt.sql)}</code>"
        + "".join(f"<br>· {html.escape(change)}" for change in attempt.changes)
        + (f"<br><em>{html.escape(attempt.problem)}</em>" if attempt.problem else "")
        for attempt in one.attempts
    )
    said = html.escape(one.refusal or one.error)
    accepted = f"<p>Accepted: <code>{html.escape(one.accepted)}</code>" if one.accepted else ""
    where = html.escape(" · ".join((one.id, one.db, one.category)))
    return (
        f'<details data-verdict="{one.verdict}" data-flip="{flip}"><summary>'
        f'<b class="{one.verdict}">{one.verdict}</b> {flip} <span>{where}</span> '
        f"{html.escape(one.question)}</summary><p>{said}<ol>{attempts}</ol>{accepted}</details>"
    )


def _page() -> Template:
    return Template((files("evals") / "page.html").read_text(encoding="utf-8"))
