"""Snapshots: look-up, order and fingerprint."""

from datetime import UTC, datetime

from wire.snapshot import Column, SchemaSnapshot, Table


def snapshot(*tables: Table, **more: object) -> SchemaSnapshot:
    head = {"database": "d", "server_version": 150000, "taken_at": datetime(2026, 1, 1, tzinfo=UTC)}
    return SchemaSnapshot.model_validate({**head, "tables": tables, **more})


def table(name: str, schema: str = "public", **more: object) -> Table:
    return Table.model_validate(
        {"schema_name": schema, "name": name, "columns": [Column(name="id", type="integer")], **more}
    )


def test_the_fingerprint_ignores_estimates_samples_and_the_moment() -> None:
    one = snapshot(table("t", row_estimate=1))
    two = snapshot(table("t", row_estimate=2), taken_at=datetime(2027, 1, 1, tzinfo=UTC))
    sampled = snapshot(
        Table(schema_name="public", name="t", columns=[Column(name="id", type="integer", samples=["1"])])
    )
    assert one.fingerprint == two.fingerprint == sampled.fingerprint


def test_the_fingerprint_follows_the_structure() -> None:
    assert snapshot(table("t")).fingerprint != snapshot(table("u")).fingerprint
    assert snapshot(table("t")).fingerprint != snapshot(table("t", comment="new")).fingerprint


def test_the_fingerprint_survives_the_wire() -> None:
    taken = snapshot(table("t"), table("u", "s"))
    assert SchemaSnapshot.model_validate_json(taken.model_dump_json()).fingerprint == taken.fingerprint


def test_names_are_found_on_the_search_path_first() -> None:
    taken = snapshot(table("t", "b"), table("t", "a"), table("t", "z"), search_path=["a", "b"])
    assert [found.schema_name for found in taken.named("t")] == ["a", "b", "z"]
    assert taken.table("z", "t") is not None
    assert taken.table("z", "T") is None


def test_the_fingerprint_is_the_hash_of_the_plain_dump() -> None:
    """Peers of other versions reckon it by dumping the whole model: the quicker way must give the same."""
    import hashlib
    import json

    from wire.snapshot import ForeignKey

    column = Column(name='ü "x"', type="text", comment="line\nline", enum_values=["a", "b"], masked=True)
    key = ForeignKey(columns=["id"], to_schema="s", to_table="u", to_columns=["id"])
    taken = snapshot(
        table("t", comment="c", columns=[column, column], foreign_keys=[key], unique_keys=[["id"]]),
        table("u", "s", kind="partition", partition_of="s.p", primary_key=["id"], row_estimate=5),
        functions=["f", "g"],
        search_path=["s"],
    )
    plain = taken.model_dump(
        mode="json",
        exclude={
            "taken_at": True,
            "tables": {"__all__": {"row_estimate": True, "columns": {"__all__": {"samples", "values"}}}},
        },
    )
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert taken.fingerprint == hashlib.sha256(text.encode()).hexdigest()[:32]
