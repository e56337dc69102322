"""A run as one static page without any dependency: figures, charts, filters, each case with its diffs."""

from collections.abc import Iterable
from html import escape
from importlib.resources import files
from string import Template

from evals.calibration import Calibration
from evals.metrics import Share, Summary
from evals.record import AttemptNote, CaseResult, Sample
from evals.report.diff import Part, shared_rows, sql_diff
from evals.report.figures import about, figures, verdict_on
from evals.report.subject import Subject

_TILES = ("Correct", "Valid SQL", "Unanswerable refused", "False refusals", "Wrong without a word")
_ORDER = {"wrong": 0, "invalid": 1, "failed": 2, "refused": 3, "unscored": 4, "correct": 5}


def webpage(subject: Subject) -> str:
    """The whole page, as text."""
    flips: dict[str, str] = {}
    if subject.comparison is not None:
        flips |= {flip.after.id: "lost" for flip in subject.comparison.lost}
        flips |= {flip.after.id: "gained" for flip in subject.comparison.gained}
    ordered = sorted(
        subject.results,
        key=lambda one: (flips.get(one.id) != "lost", _ORDER.get(one.verdict, 9), one.category, one.key),
    )
    before = (
        {flip.after.id: flip.before for flip in subject.comparison.lost + subject.comparison.gained}
        if (subject.comparison)
        else {}
    )
    page = Template((files("evals.report") / "page.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=escape(f"{subject.run.suite} · {subject.run.run_id}"),
        suite=escape(subject.run.suite),
        about=escape(about(subject)),
        tiles="".join(_tile(subject.summary, name) for name in _TILES),
        figures="".join(f"<tr><th>{escape(name)}<td>{escape(value)}" for name, value in figures(subject)),
        groups="".join(_groups(name, groups) for name, groups in subject.groups),
        charts=_steps(subject.summary) + (_calibration(subject.calibration) if subject.calibration else ""),
        comparison=f'<p class="note">{escape(verdict_on(subject))}' if subject.comparison else "",
        verdicts=_options(one.verdict for one in ordered),
        categories=_options(one.category for one in ordered),
        databases=_options(one.db for one in ordered),
        changes=_options(flips.values()),
        rows="".join(_case(one, flips.get(one.id, ""), before.get(one.id)) for one in ordered),
    )


def _tile(summary: Summary, name: str) -> str:
    share = {
        "Correct": summary.correct,
        "Valid SQL": summary.valid,
        "Unanswerable refused": summary.abstained,
        "False refusals": summary.false_refusals,
        "Wrong without a word": summary.silent_wrong,
    }[name]
    bad = name in {"False refusals", "Wrong without a word"}
    value = f"{share.value:.1%}" if share.of else "–"
    return (
        f'<div class="tile"><h3>{name}</h3><b>{value}</b>'
        f"<span>{share.count} of {share.of}</span>{_bar(share, 'poor' if bad else 'good')}</div>"
    )


def _bar(share: Share, kind: str = "good") -> str:
    """A bar as long as the share, with its interval as a whisker."""
    if not share.of:
        return '<div class="bar"></div>'
    low, high = share.interval
    return (
        f'<div class="bar" title="19 times in 20 between {low:.0%} and {high:.0%}">'
        f'<i class="{kind}" style="width:{share.value:.2%}"></i>'
        f'<u style="left:{low:.2%};width:{high - low:.2%}"></u></div>'
    )


def _groups(name: str, groups: dict[str, Summary]) -> str:
    rows = []
    for group, summary in groups.items():
        share = summary.correct if summary.correct.of else summary.abstained
        what = "" if summary.correct.of else " refused"
        rows.append(
            f"<tr><th>{escape(group)}<td class=n>{share.count}/{share.of}{what}<td>{_bar(share)}"
            f"<td class=n>{summary.silent_wrong.count}<td class=n>{summary.seconds:.1f}"
        )
    head = f"<tr><th>{escape(name.capitalize())}<th class=n>Correct<th><th class=n>Wrong<th class=n>Seconds"
    return f'<section class="card"><h2>By {escape(name)}</h2><table>{head}{"".join(rows)}</table></section>'


def _steps(summary: Summary) -> str:
    if not summary.step_seconds:
        return ""
    longest = max(summary.step_seconds.values()) or 1
    rows = "".join(
        f"<tr><th>{escape(step)}<td><div class=bar>"
        f"<i class=plain style='width:{took / longest:.1%}'></i></div>"
        f"<td class=n>{_seconds(took)}"
        for step, took in sorted(summary.step_seconds.items(), key=lambda item: -item[1])
    )
    return f'<section class="card"><h2>Time by step</h2><table>{rows}</table></section>'


def _seconds(took: float) -> str:
    return f"{took:.1f} s" if took >= 1 else f"{took * 1000:.0f} ms"


def _calibration(calibration: Calibration) -> str:
    """A diagram of what was said against what was right; the diagonal is honest."""
    size, edge = 220, 28
    span = size - 2 * edge

    def place(x: float, y: float) -> str:
        return f'cx="{edge + x * span:.1f}" cy="{size - edge - y * span:.1f}"'

    most = max(one.count for one in calibration.bins)
    dots = "".join(
        f'<circle {place(one.confidence, one.correct)} r="{3 + 7 * (one.count / most) ** 0.5:.1f}">'
        f"<title>{one.count} answers: said {one.confidence:.0%}, right {one.correct:.0%}</title></circle>"
        for one in calibration.bins
    )
    ticks = "".join(
        f'<text x="{edge + at * span}" y="{size - 8}" text-anchor="middle">{at:.1f}</text>'
        f'<text x="{edge - 5}" y="{size - edge - at * span + 4}" text-anchor="end">{at:.1f}</text>'
        for at in (0, 0.5, 1)
    )
    rows = "".join(
        f"<tr><th>{one.low:.1f}–{one.high:.1f}<td class=n>{one.count}<td class=n>{one.confidence:.0%}"
        f"<td class=n>{one.correct:.0%}"
        for one in calibration.bins
    )
    return (
        '<section class="card"><h2>Calibration</h2><div class="pair">'
        f'<svg viewBox="0 0 {size} {size}" width="{size}" height="{size}" role="img" '
        f'aria-label="Calibration error {calibration.error:.3f}">'
        f'<path class="axis" d="M{edge} {edge}V{size - edge}H{size - edge}"/>'
        f'<path class="honest" d="M{edge} {size - edge}L{size - edge} {edge}"/>{ticks}{dots}</svg>'
        f"<table><tr><th>Confidence<th class=n>Answers<th class=n>Said<th class=n>Right{rows}"
        f"<tr><th colspan=4>Error {calibration.error:.3f}, Brier {calibration.brier:.3f}"
        "</table></div></section>"
    )


def _options(values: Iterable[str]) -> str:
    counted: dict[str, int] = {}
    for value in values:
        if value:
            counted[value] = counted.get(value, 0) + 1
    return "".join(
        f'<option value="{escape(value)}">{escape(value)} ({count})</option>'
        for value, count in sorted(counted.items())
    )


def _case(one: CaseResult, flip: str, before: CaseResult | None) -> str:
    body = []
    if one.refusal or one.error:
        body.append(f'<p class="said">{escape(one.refusal or one.error)}')
    if one.variants:
        marks = " ".join("✓" if right else "✗" for right in one.variants)
        body.append(f'<p class="said">Variants of the data: {marks}')
    body.append(_queries(one))
    if one.accepted_result and one.predicted_result:
        body.append(_results(one.accepted_result, one.predicted_result))
    if before is not None:
        said = before.predicted or before.refusal or before.error
        body.append(f"<h4>Before: {before.verdict}</h4><pre>{escape(said)}</pre>")
    if len(one.attempts) > 1 or any(attempt.changes or attempt.problem for attempt in one.attempts):
        body.append(f"<h4>Attempts</h4><ol>{''.join(map(_attempt, one.attempts))}</ol>")
    body.append(_facts(one))
    flipped = f'<em class="{flip}">{flip}</em>' if flip else ""
    where = " · ".join(part for part in (one.key, one.category, one.kind, one.db) if part)
    # On the element itself, so that the filters need not look inside.
    return (
        f'<details data-verdict="{one.verdict}" data-change="{flip}" data-category="{escape(one.category)}" '
        f'data-database="{escape(one.db)}"><summary><b class="{one.verdict}">{one.verdict}</b>{flipped}'
        f"<q>{escape(one.question)}</q><span>{escape(where)}</span></summary>"
        f'<div class="body">{"".join(body)}</div></details>'
    )


def _queries(one: CaseResult) -> str:
    if one.accepted and one.predicted and not one.correct:
        parts = sql_diff(one.accepted, one.predicted)
        return (
            '<div class="pair">'
            + _side("Accepted query", [part for part in parts if part.side != "predicted"], "ins")
            + _side("Predicted query", [part for part in parts if part.side != "accepted"], "del")
            + "</div>"
        )
    told = [("Predicted", one.predicted), ("Accepted", one.accepted if not one.predicted else "")]
    return "".join(f"<h4>{name}</h4><pre>{escape(sql)}</pre>" for name, sql in told if sql)


def _side(title: str, parts: list[Part], mark: str) -> str:
    words = "".join(
        escape(part.text) if part.side == "both" else f"<{mark}>{escape(part.text)}</{mark}>"
        for part in parts
    )
    return f"<div><h4>{title}</h4><pre>{words}</pre></div>"


def _results(accepted: Sample, predicted: Sample) -> str:
    left, right = shared_rows(accepted, predicted)
    return (
        '<div class="pair">'
        + _result("Accepted result", accepted, left)
        + _result("Predicted result", predicted, right)
        + "</div>"
    )


def _result(title: str, sample: Sample, shared: list[bool]) -> str:
    head = "".join(f"<th>{escape(name)}" for name in sample.columns)
    rows = "".join(
        f"<tr{'' if same else ' class=odd'}>" + "".join(f"<td>{escape(value)}" for value in row)
        for row, same in zip(sample.rows, shared, strict=True)
    )
    more = sample.row_count - len(sample.rows)
    rest = f"<tr><td colspan={max(1, len(sample.columns))}>and {more} more" if more > 0 else ""
    noun = "row" if sample.row_count == 1 else "rows"
    return (
        f'<div class="scroll"><h4>{title} <small>{sample.row_count} {noun}</small></h4>'
        f'<table class="result"><tr>{head}{rows}{rest}</table></div>'
    )


def _attempt(attempt: AttemptNote) -> str:
    changes = "".join(f"<li>{escape(change)}" for change in attempt.changes)
    problem = f"<p class=said>{escape(attempt.problem)}" if attempt.problem else ""
    return f"<li><b>{attempt.origin}</b><pre>{escape(attempt.sql)}</pre><ul>{changes}</ul>{problem}"


def _facts(one: CaseResult) -> str:
    facts = [
        f"{one.tokens_in} tokens in, {one.tokens_out} out",
        f"{one.model_calls} model calls",
        f"{one.seconds:.1f} s",
    ]
    if one.confidence is not None:
        facts.append(f"confidence {one.confidence:.2f} ({one.confidence_level})")
    steps = ", ".join(f"{step} {_seconds(took)}" for step, took in one.step_seconds.items())
    link = ""
    # Only what a browser may follow without running anything.
    if one.trace.startswith(("https://", "http://")):
        link = f' · <a href="{escape(one.trace)}">Trace</a>'
    return f'<p class="facts">{escape(" · ".join(facts))}{link}<br>{escape(steps)}'
