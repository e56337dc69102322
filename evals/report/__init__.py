"""A run told: on the terminal, as JSON, as Markdown, as one static page, and as JUnit's XML.

========= ====================================================================================
figures   the headline figures as text, which the others share
terminal  tables for a person who waits
payload   everything, as one JSON document
markdown  for commits and issues
page      one HTML file without any dependency: filters, result diff, SQL diff, trace links
junit     for CI
========= ====================================================================================
"""

from pathlib import Path

from evals.report.junit import junit
from evals.report.markdown import markdown
from evals.report.page import webpage
from evals.report.payload import payload
from evals.report.subject import Subject

__all__ = ["Subject", "junit", "markdown", "payload", "webpage", "write_reports"]


def write_reports(out: Path, subject: Subject) -> Path:
    """Write the files of a run's report beside its results; returns the page's.

    Raises:
        StoreError: the folder cannot be written to.
    """
    from evals.errors import StoreError

    name = subject.run.run_id
    page = out / f"{name}.html"
    try:
        for path, text in (
            (page, webpage(subject)),
            (out / f"{name}.md", markdown(subject)),
            (out / f"{name}.xml", junit(subject)),
        ):
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"The report cannot be written to {out}: {error.strerror or error}.",
            "The results are kept; make room, then `custard eval report` writes it again.",
        ) from error
    return page
