"""A run in JUnit's XML: a case that is not correct is a failure, one that could not be scored is skipped."""

import re
import xml.etree.ElementTree as ET

from evals.record import CaseResult
from evals.report.subject import Subject

_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document may hold."""


def junit(subject: Subject) -> str:
    """The document, as text."""
    run, results = subject.run, subject.results
    suite = ET.Element(
        "testsuite",
        name=run.suite,
        tests=str(len(results)),
        failures=str(sum(_failed(one) for one in results)),
        errors="0",
        skipped=str(sum(one.verdict == "unscored" for one in results)),
        time=f"{sum(one.seconds for one in results):.3f}",
        timestamp=f"{run.started_at:%FT%T}",
    )
    properties = ET.SubElement(suite, "properties")
    told = {"run": run.run_id, "model": run.model, "commit": run.commit, "without": " ".join(run.without)}
    for name, value in told.items():
        ET.SubElement(properties, "property", name=name, value=value)
    for one in results:
        name = f"{one.db}.{one.category}".strip(".") or "cases"
        case = ET.SubElement(suite, "testcase", classname=name, name=one.key, time=f"{one.seconds:.3f}")
        if one.verdict == "unscored":
            ET.SubElement(case, "skipped", message=_clean(one.error or "there is nothing to score it by"))
        elif _failed(one):
            failure = ET.SubElement(case, "failure", message=one.verdict, type=one.verdict)
            said = one.predicted or one.refusal or one.error
            parts = [one.question, said, *([f"accepted: {one.accepted}"] if one.accepted else []), one.error]
            failure.text = _clean("\n\n".join(dict.fromkeys(part for part in parts if part)))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def _failed(one: CaseResult) -> bool:
    return not one.correct and one.verdict != "unscored"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
