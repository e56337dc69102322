"""What the plant reads off the wire, by which the invariants are checked."""

from tests.faults.plant import Ledger
from wire.messages import Execute, digest_of


def _message(letter: str, sql: str, run_id: str) -> bytes:
    told = Execute(statement_id=letter * 32, sql=sql, sql_digest=digest_of(sql), run_id=run_id)
    return told.model_dump_json().encode()


FIRST = _message("a", """SELECT '"' AS "one\\" """, "run_1")
SECOND = _message("b", "SELECT 2", "run_2")
HEAD = b"\x81\x7e\x01\x40"


def test_a_message_in_crumbs_is_read_once() -> None:
    ledger = Ledger()
    for byte in HEAD + FIRST + HEAD + SECOND:
        ledger.tap(1, "down", bytes([byte]))
    assert ledger.told == {"run_1": {("a" * 32, 1)}, "run_2": {("b" * 32, 1)}}


def test_half_a_message_of_a_connection_that_broke_off_spoils_no_other() -> None:
    for at in range(len(HEAD + FIRST)):
        ledger = Ledger()
        ledger.tap(1, "down", (HEAD + FIRST)[:at])
        ledger.tap(2, "down", HEAD + SECOND)
        assert ledger.told.pop("run_2") == {("b" * 32, 1)}, at
        assert ledger.told in ({}, {"run_1": {("a" * 32, 1)}}), at


def test_what_the_agent_says_is_not_what_it_was_told() -> None:
    ledger = Ledger()
    ledger.tap(1, "up", FIRST)
    assert ledger.told == {}
