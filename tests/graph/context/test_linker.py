from collections.abc import Callable

from graph.context.coverage import Vocabulary, coverage
from graph.context.joins import JoinGraph
from graph.context.linker import link
from wire.snapshot import SchemaSnapshot


def test_tables_named_in_the_question_stay(library: SchemaSnapshot) -> None:
    names = link("Which publishers are in Paris?", library).names
    assert "public.publisher" in names
    assert "public.staff" not in names


def test_the_table_between_two_is_brought_along(library: SchemaSnapshot) -> None:
    assert "public.book_author" in link("How many books has each author?", library).names


def test_a_question_about_nothing_keeps_everything(library: SchemaSnapshot) -> None:
    assert len(link("???", library).tables) == len(library.tables)


def test_tables_of_the_last_turn_can_be_kept(library: SchemaSnapshot) -> None:
    assert "public.staff" in link("And the publishers?", library, keep=["public.staff"]).names


def test_the_order_of_the_snapshot_is_kept(library: SchemaSnapshot) -> None:
    order = [table.qualified_name for table in library.tables]
    names = link("books, authors, publishers, loans, readers", library).names
    assert names == [name for name in order if name in names]


def test_a_huge_schema_is_cut(make_snapshot: Callable[[dict[str, str]], SchemaSnapshot]) -> None:
    tables = {f"filler_{number}": "id bigint, value text" for number in range(2000)}
    snapshot = make_snapshot(tables | {"invoice": "invoice_id bigint, amount numeric"})
    names = link("What is the largest invoice amount?", snapshot).names
    assert names == ["public.invoice"]


def test_names_that_are_cut_short_are_found(
    make_snapshot: Callable[[dict[str, str]], SchemaSnapshot],
) -> None:
    tables = {f"fin_{part}": "id bigint, amount numeric" for part in ("acco", "budg", "cont", "dela", "entr")}
    names = link("What is the highest amount of a budget?", make_snapshot(tables)).names
    assert names[:1] == ["public.fin_budg"]


def test_joins_by_name_and_by_table_name(make_snapshot: Callable[[dict[str, str]], SchemaSnapshot]) -> None:
    snapshot = make_snapshot(
        {
            "customers": "id bigint, name text, created_at date",
            "orders": "id bigint, customer_id bigint, created_at date",
            "notes": "id bigint, customer_id text",
        }
    )
    joins = JoinGraph(snapshot)
    [join] = joins.between("public.orders", "public.customers")
    assert (join.left_columns, join.right_columns, join.declared) == (("customer_id",), ("id",), False)
    assert joins.between("public.notes", "public.customers") == []
    assert joins.path(["public.orders"], "public.customers") == ["public.orders", "public.customers"]
    assert joins.path(["public.orders"], "public.notes") is None


def test_everyday_attributes_join_nothing(library: SchemaSnapshot) -> None:
    assert JoinGraph(library).between("public.author", "public.staff") == []


def test_tables_that_only_the_notes_name_are_kept(library: SchemaSnapshot) -> None:
    notes = "A patron's score is the number of loans times the wage of staff."
    assert "public.staff" not in link("Show the score of each reader.", library).names
    assert "public.staff" in link("Show the score of each reader.", library, notes=notes).names


def test_what_a_table_refers_to_is_shown_with_it(library: SchemaSnapshot) -> None:
    assert "public.publisher" in link("Which book has most pages?", library).names


def test_forms_that_hide_the_word_are_seen_through(
    make_snapshot: Callable[[dict[str, str]], SchemaSnapshot],
) -> None:
    tables = {"vehicle": "vehicle_id bigint, make text", "sale": "sale_id bigint, vehicle_id bigint"}
    tables |= {f"filler_{number}": "id bigint, value text" for number in range(9)}
    assert "public.sale" in link("Which vehicles are unsold?", make_snapshot(tables)).names


def test_words_left_with_their_consonants_are_found(
    make_snapshot: Callable[[dict[str, str]], SchemaSnapshot],
) -> None:
    snapshot = make_snapshot(
        {
            "zztrlr": "trlrid bigint, plate text, bought date",
            "zzdrvr": "drvrid bigint, nm text",
            "zzglss": "glssid bigint, hue text",
            "zztrp": "trpid bigint, trlrid bigint, drvrid bigint, dist numeric",
        }
    )
    assert link("How many trailers are there?", snapshot).names[:1] == ["public.zztrlr"]
    assert "public.zzdrvr" in link("Which drivers never had a trip?", snapshot).names
    assert "public.zzglss" not in link("Which drivers never had a trip?", snapshot).names
    assert coverage("How many trailers does each driver have?", Vocabulary(snapshot)).missing == ()


def test_a_table_that_alone_knows_a_word_is_kept(
    make_snapshot: Callable[[dict[str, str]], SchemaSnapshot],
) -> None:
    snapshot = make_snapshot(
        {
            "ship": "ship_id bigint, ship_name text, gross_tonnage integer, built_year integer",
            "visit": "visit_id bigint, ship_id bigint, tug_count integer",
            "cook": "cook_id bigint, dish text",
        }
    )
    names = link("How many tugs do ships need whose gross tonnage and built year are known?", snapshot).names
    assert "public.visit" in names
    assert "public.cook" not in names


def test_what_a_named_reference_leads_to_is_kept(
    make_snapshot: Callable[[dict[str, str]], SchemaSnapshot],
) -> None:
    snapshot = make_snapshot(
        {
            "person": "person_id bigint, full_name text",
            "ship": "ship_id bigint, ship_name text, captain_id bigint",
            "visit": "visit_id bigint, ship_id bigint, captain_id bigint, day date",
            "captain": "captain_id bigint, licence text",
        }
    )
    assert "public.captain" in link("Which captains were here with a ship visit?", snapshot).names


def _clinic(make_snapshot: Callable[[dict[str, str]], SchemaSnapshot]) -> SchemaSnapshot:
    """Nothing refers to anything, so that each table is found by what speaks for it or not at all."""
    snapshot = make_snapshot(
        {
            "animals": "animal_no bigint, weight numeric",
            "bill_lines": "line_no bigint, item text",
            "breeds": "breed_no bigint, label text",
            "pt_plan": "plan_no bigint, exercise text",
            "chk_in": "arrival timestamp, door text",
            "rooms": "room_no bigint, floor text",
            "suppliers": "supplier_no bigint, phone text",
        }
    )
    values = {"bill_lines": ["pet food", "leash"], "breeds": ["Maine Coon", "Beagle"]}
    tables = [
        table.model_copy(
            update={
                "columns": [
                    column.model_copy(update={"samples": known, "values": known})
                    if column.name in ("item", "label") and (known := values.get(table.name))
                    else column
                    for column in table.columns
                ]
            }
        )
        for table in snapshot.tables
    ]
    return snapshot.model_copy(update={"tables": tables})


def test_another_word_counts_although_a_value_has_the_word(
    make_snapshot: Callable[[dict[str, str]], SchemaSnapshot],
) -> None:
    names = link("How many pets are there?", _clinic(make_snapshot)).names
    assert {"public.animals", "public.bill_lines"} <= set(names)


def test_the_one_table_that_has_a_value_as_it_was_asked_is_shown(
    make_snapshot: Callable[[dict[str, str]], SchemaSnapshot],
) -> None:
    asked = "Which animals heavier than a Maine Coon have animals weight?"
    assert "public.breeds" in link(asked, _clinic(make_snapshot)).names


def test_initials_of_neighbouring_words_are_found(
    make_snapshot: Callable[[dict[str, str]], SchemaSnapshot],
) -> None:
    clinic = _clinic(make_snapshot)
    assert "public.pt_plan" in link("Which animals get physical therapy?", clinic).names
    assert "public.pt_plan" not in link("Which animals are put to sleep?", clinic).names


def test_two_pieces_of_a_name_are_one_word(
    make_snapshot: Callable[[dict[str, str]], SchemaSnapshot],
) -> None:
    clinic = _clinic(make_snapshot)
    assert link("How many check-ins were there?", clinic).names == ["public.chk_in"]
    assert link("How many visits were there?", clinic).names == ["public.chk_in"]


def test_what_rows_belong_to_over_another_table_is_brought_along(
    make_snapshot: Callable[[dict[str, str]], SchemaSnapshot],
) -> None:
    snapshot = make_snapshot(
        {
            "house": "house_id bigint, name text, city text, opened date",
            "member": "member_id bigint, house_id bigint, full_name text, email text, joined date",
            "concert": "concert_id bigint, hall_id bigint, held date, title text, composer text",
            "ticket": "ticket_id bigint, concert_id bigint, member_id bigint, price numeric, sold date",
            "hall": "hall_id bigint, house_id bigint, seats integer, label text, storey integer, lit boolean",
            "piano": "piano_id bigint, maker text",
        }
    )
    names = link("Which concert sold the most tickets in each house?", snapshot).names
    assert "public.hall" in names, (
        "a member's house is another way between the two, which means something else"
    )
    assert "public.piano" not in names
