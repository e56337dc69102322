"""The small bundled suite, with the local model's replies as they were recorded: what CI holds changes to.

The replies are matched by the question that was asked, so that a recording outlives a change of the schema's
rendering or of the prompt's wording; what is tested is what the graph makes of a reply. Recorded from
llama.cpp serving Qwen2.5-Coder-1.5B-Instruct (Q4_K_M), one draft a question; never written by hand. To record
replies and verdicts anew, with that server on port 8089 of loopback::

    pytest tests/evals/test_replay.py --record-mode=rewrite
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import vcr

from evals.cases import load_cases
from evals.commands.asking import BUNDLED, BUNDLED_DATABASES
from evals.compare import compare
from evals.model import ModelChoice
from evals.options import SuiteOptions
from evals.record import CaseResult, SuiteRun
from evals.report import Subject, markdown
from evals.run import run_suite

CASSETTES = Path(__file__).parent / "cassettes"
CASSETTE, VERDICTS = CASSETTES / "bakery.yaml", CASSETTES / "bakery.json"
SERVER = ModelChoice("local", "http://127.0.0.1:8089/v1")
OPTIONS = SuiteOptions(model=SERVER, max_repairs=0, cached=False)
LEAST_CORRECT, LEAST_REFUSED = 0.9, 0.5
"""What the recorded model reaches: 21 of 22 and 3 of 6."""
_QUESTION = re.compile(r"<question>.*?</question>", re.DOTALL)

pytestmark = [pytest.mark.block_network(allowed_hosts=["127.0.0.1", "localhost"]), pytest.mark.timeout(1800)]


def _asked(request: Any) -> str:
    """The question that a request to the model puts; the last one, where earlier turns are quoted."""
    text = json.loads(request.body)["messages"][-1]["content"]
    found = _QUESTION.findall(text)
    return str(found[-1] if found else text)


def _same_question(one: Any, other: Any) -> None:
    assert one.path == other.path
    assert _asked(one) == _asked(other)


def _request(request: Any) -> Any:
    """What is matched and nothing of the machine that recorded."""
    request.headers = {"content-type": "application/json"}
    return request


def _response(response: Any) -> Any:
    kept = {"content-type", "transfer-encoding"}
    response["headers"] = {name: value for name, value in response["headers"].items() if name.lower() in kept}
    return response


@pytest.fixture(scope="module")
def replayed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[SuiteRun, list[CaseResult]]:
    """The suite, run through the whole graph and a real sandbox."""
    rewrite = request.config.getoption("--record-mode") == "rewrite"
    if rewrite:
        CASSETTE.unlink(missing_ok=True)
    tape = vcr.VCR(
        record_mode="once" if rewrite else "none",
        before_record_request=_request,
        before_record_response=_response,
        decode_compressed_response=True,
    )
    tape.register_matcher("question", _same_question)
    with tape.use_cassette(str(CASSETTE), match_on=["question"], allow_playback_repeats=True):
        run, results = run_suite(
            BUNDLED["bakery"], BUNDLED_DATABASES, tmp_path_factory.mktemp("out"), OPTIONS
        )
    if rewrite:
        kept = [one.model_dump(mode="json", include=_KEPT) for one in results]
        VERDICTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return run, results


_KEPT = {
    "id",
    "db",
    "category",
    "question",
    "answerable",
    "status",
    "predicted",
    "refusal",
    "verdict",
    "exact",
    "subset",
    "valid",
}


def test_no_case_that_was_right_is_lost(replayed: tuple[SuiteRun, list[CaseResult]]) -> None:
    before = [CaseResult.model_validate(one) for one in json.loads(VERDICTS.read_text())]
    run, results = replayed
    comparison = compare(before, results)
    assert comparison.common == len(load_cases(BUNDLED["bakery"]))
    assert not comparison.lost, markdown(Subject(run, results, comparison))


def test_enough_is_right_and_refused(replayed: tuple[SuiteRun, list[CaseResult]]) -> None:
    run, results = replayed
    subject = Subject(run, results)
    assert subject.summary.correct.value >= LEAST_CORRECT, markdown(subject)
    assert subject.summary.abstained.value >= LEAST_REFUSED, markdown(subject)
    assert subject.summary.false_refusals.count == 0, markdown(subject)
