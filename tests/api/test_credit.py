"""Credit for a statement's rows: none for a small result, never too little for a large one."""

from pathlib import Path

import pytest

from api.results import Results
from api.statement import CREDIT_BYTES, Statement
from wire.frames import RowsFrame, encode_body
from wire.messages import Columns
from wire.outcome import ResultColumn


async def _sent(folder: Path, sizes: list[int]) -> list[int]:
    """The credit that is left to the agent after each frame whose one cell has so many bytes."""
    results = Results(folder, 10**9)
    await results.open()
    statement = Statement("SELECT 1", "run_1", results, seconds=9, max_rows=10**6, max_bytes=10**8)
    statement.begin(again=False)
    column = ResultColumn(name="a", type="text")
    statement.take_columns(Columns(statement_id=statement.statement_id, attempt=1, columns=[column]))
    left, seen = CREDIT_BYTES, []
    for number, size in enumerate(sizes):
        assert left > 0, "the agent waits for credit that does not come"
        frame = RowsFrame(statement.statement_id, 1, number, 1, encode_body([("x" * size,)]))
        left += await statement.take_rows(frame) - len(frame.body)
        seen.append(left)
    await statement.drop()
    return seen


async def test_a_small_result_is_not_worth_a_message(tmp_path: Path) -> None:
    spent = [CREDIT_BYTES - left for left in await _sent(tmp_path, [600, 600, 20_000])]
    assert spent == sorted(spent)
    assert spent[-1] > 21_000


@pytest.mark.parametrize("size", [1_000, 60_000, 256 * 1024, 1_000_000, 3_000_000])
async def test_a_large_result_never_stands_still(tmp_path: Path, size: int) -> None:
    seen = await _sent(tmp_path, [size] * (6_000_000 // size + 2))
    assert min(seen) > CREDIT_BYTES // 2
