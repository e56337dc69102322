"""A run on the terminal: tables for a person who waits."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evals.compare import Comparison
from evals.metrics import Share
from evals.report.figures import GROUP_HEAD, about, figures, group_row
from evals.report.subject import Subject

_GOOD, _POOR = 0.8, 0.5
_BAR = 10


def show(console: Console, subject: Subject) -> None:
    """Print figures, groups and, where there is one, the comparison: regressions first."""
    if subject.comparison is not None:
        show_comparison(console, subject.comparison)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in figures(subject):
        table.add_row(escape(name), escape(value))
    console.print(f"[dim]{escape(about(subject))}[/]")
    console.print(table)
    for name, groups in subject.groups:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", title_justify="left")
        table.add_column(f"By {name}", no_wrap=True)
        table.add_column("", no_wrap=True)
        for place, head in enumerate(GROUP_HEAD):
            table.add_column(head, justify="left" if place == 0 else "right", no_wrap=True)
        for group, summary in groups.items():
            share = summary.correct if summary.correct.of else summary.abstained
            table.add_row(escape(group), _bar(share), *group_row(summary))
        console.print()
        console.print(table)


def show_comparison(console: Console, comparison: Comparison) -> None:
    """Print what was lost, then what was gained, then whether that is more than noise."""
    for mark, colour, flips in (("−", "red", comparison.lost), ("+", "green", comparison.gained)):
        for flip in flips:
            console.print(
                f"[{colour}]{mark}[/] [bold]{escape(flip.after.id)}[/] {escape(flip.after.question)}"
            )
            for one in (flip.before, flip.after):
                said = " ".join((one.predicted or one.refusal or one.error).split())
                console.print(f"    [dim]{one.verdict:<8}[/] {escape(said)}")
    reasons = comparison.regressions
    low, high = comparison.interval
    console.print(
        f"{comparison.common} cases in common: {len(comparison.gained)} gained, {len(comparison.lost)} lost, "
        f"p = {comparison.p_value:.3f} (McNemar); {comparison.difference:+.1%} ({low:+.0%} to {high:+.0%}); "
        f"tokens × {comparison.token_growth:.2f}"
    )
    if reasons:
        console.print(f"[bold red]A regression:[/] {escape('; '.join(reasons))}")
    else:
        console.print("[green]No regression beyond noise.[/]")


def _bar(share: Share) -> str:
    if not share.of:
        return ""
    full = round(share.value * _BAR)
    colour = "green" if share.value >= _GOOD else "yellow" if share.value >= _POOR else "red"
    return f"[{colour}]{'━' * full}[/][dim]{'─' * (_BAR - full)}[/]"
