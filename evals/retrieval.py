"""How well the tables that a question needs are found among a thousand.

A database is invented: areas of business, each with the same kinds of things, as grown databases have them,
with comments on some, abbreviations in many, columns of their own, and foreign keys. A question is made from
a table, sometimes with one that it refers to. Measured is the recall of the tables that a question was made
from among the first fifteen, and the tokens of the DDL that prompts would show.
"""

import math
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, get_args

from evals.metrics import Share, percentile
from graph.context.linker import link, score_tables
from graph.schema_text import estimated_tokens, schema_text
from wire.snapshot import Column, ForeignKey, SchemaSnapshot, Table

TABLES = 1_000
QUESTIONS = 400
SEED = 7
FIRST = 15
TOKEN_BUDGET = 8_000

Wording = Literal["name", "inflected", "synonym", "comment", "value", "two_hops", "column", "cut", "wordy"]
"""How a question speaks of what it needs.

By the table's name; by another form of it; by a common synonym; by its comment's words; by a value of a
column; by its name and that of a table it refers to; by a column alone, whose words other tables have too; in
full words where names are cut to four letters and nothing is commented; or with many words beside the point.
"""

WORDINGS: tuple[Wording, ...] = get_args(Wording)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_AREAS = _words("""
    retail wholesale finance payroll logistics fleet clinic pharmacy lab hotel airline rail port campus
    library museum theatre stadium farm dairy forest mine quarry refinery grid water waste telecom media
    studio press court police fire customs tax census land housing bank insurance pension fund broker
    exchange lottery
""")
_SUBJECTS = _words("""
    furnace turbine blade valve rotor filter beam panel cable pump boiler socket carton pallet crane dock lane
    tunnel bridge tower mast roof floor wall gate fence ladder anchor propeller gear clutch brake axle wheel
""")
_QUALITIES = _words("""
    temperature pressure thickness hardness density humidity torque voltage current brightness roughness slope
    depth height diameter volume weight stiffness acidity salinity turbidity noise vibration wear leakage
""")
_THINGS: tuple[tuple[str, str, str, str], ...] = (
    # name, plural as asked, a common synonym, comment
    ("customer", "customers", "clients", "People or companies that buy"),
    ("order", "orders", "purchases", "What was bought and when"),
    ("invoice", "invoices", "bills", "Amounts that are due"),
    ("payment", "payments", "remittances", "Money that came in"),
    ("employee", "employees", "staff", "People who work there"),
    ("supplier", "suppliers", "vendors", "Where goods come from"),
    ("product", "products", "articles", "What is sold"),
    ("warehouse", "warehouses", "depots", "Where stock is kept"),
    ("shipment", "shipments", "deliveries", "Consignments on their way"),
    ("contract", "contracts", "agreements", "Terms that were signed"),
    ("complaint", "complaints", "grievances", "What went wrong and who said so"),
    ("appointment", "appointments", "bookings", "Agreed times of visits"),
    ("vehicle", "vehicles", "cars", "Whatever is driven"),
    ("inspection", "inspections", "audits", "Checks that were carried out"),
    ("permit", "permits", "licences", "Permission that was granted"),
    ("sensor", "sensors", "probes", "Devices that measure"),
    ("reading", "readings", "measurements", "Values that were measured"),
    ("incident", "incidents", "accidents", "Unplanned events with damage"),
    ("campaign", "campaigns", "promotions", "Advertising by period"),
    ("budget", "budgets", "allocations", "Money that may be spent"),
    ("asset", "assets", "equipment", "Durable things that are owned"),
    ("schedule", "schedules", "rosters", "Who is on duty when"),
    ("survey", "surveys", "questionnaires", "Answers of those who were asked"),
    ("refund", "refunds", "reimbursements", "Money that was given back"),
)
_ABBREVIATED = {"customer": "cust", "order": "ord", "invoice": "inv", "employee": "emp", "product": "prod"}
_ATTRIBUTES = ("status", "amount", "region", "priority", "category", "quantity", "rating", "channel")
_VALUES = {
    "status": ("pending", "shipped", "cancelled", "archived"),
    "region": ("Northshire", "Eastmarch", "Southvale", "Westfold"),
    "priority": ("urgent", "routine", "deferred"),
    "channel": ("telephone", "courier", "walk-in"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the tables that its answer needs."""

    question: str
    wording: Wording
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Miss:
    """A question for which not every table was found."""

    question: str
    wording: Wording
    missing: tuple[str, ...]
    cause: str


@dataclass(slots=True)
class Recall:
    """What was found."""

    tables: int
    questions: int
    found: Share
    """Tables that are needed and among the first fifteen."""
    complete: Share
    """Questions with all of theirs."""
    shown: Share
    """Questions whose tables are all in the DDL that the prompt shows, within the budget."""
    by_wording: dict[str, Share]
    tokens_p50: float
    tokens_p90: float
    tokens_most: float
    milliseconds_p50: float
    misses: list[Miss] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "tables": self.tables,
            "questions": self.questions,
            "recall_at_15": self.found.as_json(),
            "complete": self.complete.as_json(),
            "shown": self.shown.as_json(),
            "by_wording": {name: share.as_json() for name, share in self.by_wording.items()},
            "tokens": {"p50": self.tokens_p50, "p90": self.tokens_p90, "most": self.tokens_most},
            "milliseconds_p50": self.milliseconds_p50,
            "misses": [
                {"question": one.question, "wording": one.wording, "missing": one.missing, "cause": one.cause}
                for one in self.misses
            ],
            "causes": dict(Counter(one.cause for one in self.misses)),
        }


def make_snapshot(tables: int = TABLES, seed: int = SEED) -> SchemaSnapshot:
    """An invented database of so many tables; the same seed gives the same one anywhere."""
    rng = random.Random(f"{seed}/schema")  # noqa: S311 (not for secrets)
    comments = {thing: comment for thing, _, _, comment in _THINGS}
    made = [_table(rng, area, thing, comments[thing]) for area, thing in _grid(tables)]
    return SchemaSnapshot(
        database="invented",
        server_version=180000,
        search_path=["public"],
        tables=_referring(rng, made),
        taken_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


def make_questions(snapshot: SchemaSnapshot, count: int = QUESTIONS, seed: int = SEED) -> list[Asked]:
    """Questions about random tables, each wording as often as the others."""
    rng = random.Random(f"{seed}/questions")  # noqa: S311 (not for secrets)
    asked = []
    for number in range(count):
        wording = WORDINGS[number % len(WORDINGS)]
        fitting = [
            place for place, table in enumerate(snapshot.tables) if _is_cut(table) == (wording == "cut")
        ]
        place = rng.choice(fitting)
        area, thing = _grid(len(snapshot.tables))[place]
        asked.append(_question(rng, snapshot.tables[place], area, thing, wording))
    return asked


def measure(snapshot: SchemaSnapshot, asked: Sequence[Asked], budget: int = TOKEN_BUDGET) -> Recall:
    """Ask the linker, as the graph does, and count what it finds."""
    found: list[bool] = []
    complete: dict[str, list[bool]] = {wording: [] for wording in WORDINGS}
    shown: list[bool] = []
    tokens: list[float] = []
    milliseconds: list[float] = []
    misses = []
    for one in asked:
        started = time.perf_counter()
        linked = link(one.question, snapshot, most=FIRST)
        milliseconds.append((time.perf_counter() - started) * 1000)
        ranked = sorted(linked.scores, key=lambda name: -linked.scores[name])
        first = {*ranked[:FIRST], *linked.names[:FIRST]} if len(linked.tables) <= FIRST else {*ranked[:FIRST]}
        found += [name in first for name in one.needs]
        missing = tuple(name for name in one.needs if name not in first)
        complete[one.wording].append(not missing)
        text = schema_text(snapshot, tables=linked.names, token_budget=budget)
        tokens.append(float(estimated_tokens(text)))
        shown.append(all(_is_shown(name, text) for name in one.needs) and tokens[-1] <= budget)
        if missing:
            misses.append(Miss(one.question, one.wording, missing, _cause(one, missing, snapshot)))
    tokens.sort()
    milliseconds.sort()
    everything = [right for group in complete.values() for right in group]
    return Recall(
        tables=len(snapshot.tables),
        questions=len(asked),
        found=_share(found),
        complete=_share(everything),
        shown=_share(shown),
        by_wording={wording: _share(group) for wording, group in complete.items()},
        tokens_p50=percentile(tokens, 0.5),
        tokens_p90=percentile(tokens, 0.9),
        tokens_most=tokens[-1] if tokens else 0.0,
        milliseconds_p50=percentile(milliseconds, 0.5),
        misses=misses,
    )


@cache
def _grid(tables: int) -> list[tuple[str, str]]:
    """Area and kind of thing of each table, in order."""
    areas = [*_AREAS]
    # Beyond what the areas give, they come again with a branch's number: the hardest neighbours there are.
    while len(areas) * len(_THINGS) < tables:
        areas += [f"{area}{len(areas) // len(_AREAS) + 1}" for area in _AREAS]
    return [(area, thing) for area in areas for thing, *_ in _THINGS][:tables]


def _is_cut(table: Table) -> bool:
    """Whether the table's name says neither its area nor its thing whole."""
    first, _, second = table.name.partition("_")
    return len(first.rstrip("0123456789")) <= 4 and len(second) == 4 and not table.comment


def _table(rng: random.Random, area: str, thing: str, comment: str) -> Table:
    style = rng.random()
    short = _ABBREVIATED.get(thing, thing)
    # A third of the names are abbreviated, and then a comment says what they are; every seventh is cut, and
    # nothing says so.
    name = f"{area}_{short}" if style < 0.33 else f"{area}_{thing}" if style < 0.8 else f"{thing}_{area}"
    cut = style >= 0.85
    if cut:
        name = f"{area[:4]}{area[-1] if area[-1].isdigit() else ''}_{thing[:4]}"
    columns = [Column(name="id", type="bigint", nullable=False)]
    for attribute in rng.sample(_ATTRIBUTES, 4):
        values = list(_VALUES.get(attribute, ()))
        columns.append(Column(name=attribute, type="text" if values else "numeric", samples=values))
    columns.append(Column(name="created_at", type="timestamp with time zone"))
    # One value that no other table has: a code of its own.
    code = f"{area[:4]}{thing[:4]}{rng.randrange(100, 1000)}".upper()
    columns.append(Column(name="code", type="text", samples=[code]))
    columns.append(Column(name=f"{rng.choice(_SUBJECTS)}_{rng.choice(_QUALITIES)}", type="double precision"))
    told = f"{comment}, {area}" if not cut and (style < 0.33 or rng.random() < 0.4) else ""
    return Table(schema_name="public", name=name, comment=told, columns=columns, primary_key=["id"])


def _referring(rng: random.Random, tables: list[Table]) -> list[Table]:
    """Most tables refer to one or two others, mostly of their own area."""
    by_place = list(tables)
    made = []
    for place, table in enumerate(tables):
        near = by_place[max(0, place - 12) : place]
        targets = rng.sample(near, min(len(near), rng.choice((0, 1, 1, 2))))
        columns, keys = list(table.columns), []
        for target in targets:
            column = f"{target.name}_id"
            columns.append(Column(name=column, type="bigint"))
            keys.append(
                ForeignKey(columns=[column], to_schema="public", to_table=target.name, to_columns=["id"])
            )
        made.append(table.model_copy(update={"columns": columns, "foreign_keys": keys}))
    return made


def _question(rng: random.Random, table: Table, area: str, thing: str, wording: Wording) -> Asked:
    _, plural, synonym, _ = next(one for one in _THINGS if one[0] == thing)
    attribute = rng.choice([column.name for column in table.columns[1:5]])
    name = table.qualified_name
    words = " ".join(table.name.split("_"))
    match wording:
        case "name":
            question = f"How many rows does {words} have by {attribute}?"
        case "inflected" | "cut":
            question = f"What is the total {attribute} of {area} {plural}?"
        case "synonym":
            question = f"Show {area} {synonym} by {attribute}."
        case "comment":
            told = table.comment or f"{area} {plural}"
            question = f"List {told.lower()}, with the {attribute}."
        case "value":
            question = f"What is the {attribute} of {table.columns[6].samples[0]}?"
        case "column":
            question = f"What is the highest {' '.join(table.columns[7].name.split('_'))}?"
        case "wordy":
            question = (
                f"For our quarterly review of customers, orders and payments I need the {area} {plural} "
                f"of the region with the lowest rating, each with its {attribute} and priority."
            )
        case "two_hops":
            if table.foreign_keys:
                target = table.foreign_keys[0].to_table
                other = " ".join(target.split("_"))
                question = f"How many {area} {plural} does each {other} have?"
                return Asked(question, wording, (name, f"public.{target}"))
            question = f"How many {area} {plural} are there by {attribute}?"
    return Asked(question, wording, (name,))


def _is_shown(name: str, ddl: str) -> bool:
    table = name.partition(".")[2]
    return f"TABLE {table} " in ddl or f"TABLE {name} " in ddl


def _cause(asked: Asked, missing: tuple[str, ...], snapshot: SchemaSnapshot) -> str:
    """Why a table was not found: nothing spoke for it, or others spoke louder."""
    scores = score_tables(asked.question, snapshot)
    name = missing[0]
    if name not in scores:
        return "no word of the question is in its names, comments or values"
    better = sum(score > scores[name] for score in scores.values())
    ties = sum(math.isclose(score, scores[name]) for score in scores.values()) - 1
    if better < FIRST:
        return f"it ties with {'many' if ties > FIRST else 'some'} others"
    return "more than fifteen others score higher"


def _share(marks: Sequence[bool]) -> Share:
    return Share(sum(marks), len(marks))
