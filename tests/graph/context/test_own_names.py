"""What tells a table's things apart and what they are called, with declared keys and without."""

from collections.abc import Callable

import pytest

from graph.context.joins import JoinGraph
from graph.context.own_names import OwnNames
from wire.snapshot import SchemaSnapshot

Make = Callable[[dict[str, str]], SchemaSnapshot]


@pytest.fixture(scope="module")
def short(make_snapshot: Make) -> SchemaSnapshot:
    return make_snapshot(
        {
            "branch": "brn_id bigint, brn_nm text, town text",
            "member": "mem_id bigint, first_name text, last_name text, home_brn_id bigint",
            "wage": "mem_id bigint, amount numeric",
            "tariff": "tariff_cd text, tariff_nm text, fee numeric",
            "contract": "con_id bigint, tariff_cd text, mem_id bigint",
        }
    )


def test_the_first_column_is_the_key_unless_it_is_another_tables(short: SchemaSnapshot) -> None:
    own = OwnNames(short)
    branch, member, wage, tariff, contract = short.tables
    assert own.key(branch) == "brn_id"
    assert own.key(tariff) == "tariff_cd"
    assert own.key(contract) == "con_id"
    assert own.key(member) is None, "two tables begin with it"
    assert own.key(wage) is None


def test_things_have_a_name_or_one_in_two_parts(short: SchemaSnapshot) -> None:
    own = OwnNames(short)
    branch, member, wage, tariff, _ = short.tables
    assert own.called(branch) == ("brn_nm",)
    assert own.called(member) == ("first_name", "last_name")
    assert own.called(tariff) == ("tariff_nm",)
    assert own.called(wage) == ()


def test_a_key_in_a_part_refers_to_its_table(short: SchemaSnapshot) -> None:
    joins = JoinGraph(short)
    [join] = joins.between("public.member", "public.branch")
    assert (join.left_columns, join.right_columns, join.declared) == (("home_brn_id",), ("brn_id",), False)
    assert joins.referred("public.member") == ["public.branch"]
    assert joins.referred("public.contract") == ["public.tariff"]


@pytest.fixture(scope="module")
def natural(make_snapshot: Make) -> SchemaSnapshot:
    return make_snapshot(
        {
            "ware": "sku text, caption text, category text, listed date",
            "orders": "order_no integer, placed date, category text",
            "order_line": "order_no integer, line integer, sku text, pieces integer",
            "category": "category text, remark text, since date",
            "flight": "flight_id integer, flight_no integer, starts date",
        }
    )


def test_a_word_that_others_refer_to_by_name_is_a_key(natural: SchemaSnapshot) -> None:
    own, (ware, orders, line, category, flight) = OwnNames(natural), natural.tables
    assert own.key(ware) == "sku"
    assert own.key(orders) == "order_no", "its lines begin with it as well"
    assert own.key(line) is None
    assert own.key(category) is None, "many things have one, and none is told by it"
    assert own.key(flight) == "flight_id"
    [join] = JoinGraph(natural).between("public.order_line", "public.ware")
    assert join.left_columns == ("sku",)


def test_places_say_nothing_where_columns_are_sorted(make_snapshot: Make) -> None:
    sorted_ones = make_snapshot(
        {"ware": "isbn text, listed date, title text", "line": "amount numeric, isbn text"}
    )
    assert OwnNames(sorted_ones).key(sorted_ones.tables[0]) is None
