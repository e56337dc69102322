"""SQL is found in whatever shape a model wraps it, and shown while it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.sql_text import SqlReader

COUNT = "SELECT count(*) FROM t"


def read(reply: str, step: int = 1) -> tuple[str, SqlReader]:
    reader = SqlReader()
    shown = "".join(reader.feed(reply[start : start + step]) for start in range(0, len(reply), step))
    return shown + reader.rest(), reader


@pytest.mark.parametrize(
    ("reply", "sql"),
    [
        (f"```sql\n{COUNT};\n```", COUNT),
        (f"```\n{COUNT}\n```", COUNT),
        (f"```postgresql\n{COUNT}\n```\nThis counts them.", COUNT),
        (COUNT, COUNT),
        (f"  {COUNT} ;", COUNT),
        (f"Sure! Here is the query:\n\n```sql\n{COUNT};\n```\n\nIt counts.", COUNT),
        (f"The query is:\n{COUNT};", COUNT),
        (f"{COUNT}\n\nThis query counts the rows.", COUNT),
        (f"<think>SELECT no</think>\n{COUNT}", COUNT),
        ("<think>SELECT never closed", ""),
        ("WITH a AS (SELECT 1) SELECT * FROM a;", "WITH a AS (SELECT 1) SELECT * FROM a"),
        ("With this query:\n```sql\nSELECT 1\n```", "SELECT 1"),
        ("```sql\nSELECT ';' || '```' AS x\n```", "SELECT ';' || '```' AS x"),
        ('```sql\nSELECT "a;b" FROM t\n```', 'SELECT "a;b" FROM t'),
        ("```sql\nSELECT 1 -- it's; fine\nFROM t\n```", "SELECT 1 -- it's; fine\nFROM t"),
        ("```sql\nSELECT E'it\\'s; so'\n```", "SELECT E'it\\'s; so'"),
        ("```sql\nSELECT 'it''s; so'\n```", "SELECT 'it''s; so'"),
        ("```sql\n-- count\nSELECT 1\n```", "-- count\nSELECT 1"),
        ("```sql\nSELECT 1", "SELECT 1"),
        ("```sql\nDROP TABLE t;\n```", "DROP TABLE t"),
        ("(SELECT 1) UNION (SELECT 2)", "(SELECT 1) UNION (SELECT 2)"),
        ("VALUES (1), (2)", "VALUES (1), (2)"),
        ("", ""),
        ("I cannot help with that.", ""),
        ("Unfortunately, no.", ""),
        ('{"sql": "SELECT 1"}', ""),
        ("```sql\n```", ""),
        ("```", ""),
        ("```sql\nI am sorry.\n```", ""),
    ],
)
def test_sql_is_found(reply, sql):
    for step in (1, 3, len(reply) or 1):
        shown, reader = read(reply, step)
        assert reader.sql() == sql
        assert not sql or shown.strip() == sql


@pytest.mark.parametrize(
    ("reply", "missing"),
    [
        ("CANNOT_ANSWER: office hours.", "office hours"),
        ("cannot_answer", ""),
        ("```\nCANNOT_ANSWER: pets\n```", "pets"),
        ("SELECT 'CANNOT_ANSWER'", None),
    ],
)
def test_a_declared_no_is_read(reply, missing):
    assert read(reply)[1].cannot_answer == missing


@pytest.mark.parametrize(
    ("reply", "cut"),
    [
        ("```sql\nSELECT 'a", True),
        ("Sure", True),
        ("", True),
        ("```sql\nSELECT 1", False),
        ("```sql\nSELECT 1;\n```", False),
        ("CANNOT_ANSWER: x", False),
    ],
)
def test_a_reply_that_a_stop_cut_short_is_known(reply, cut):
    assert read(reply)[1].cut_short is cut


@given(st.text(alphabet="`'\";-\nSELECTselect /*abc", max_size=60), st.integers(1, 9))
def test_no_reply_breaks_the_reader(reply, step):
    shown, reader = read(reply, step)
    assert isinstance(reader.sql(), str)
    assert isinstance(shown, str)
