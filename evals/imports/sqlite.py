"""A SQLite database as a script for PostgreSQL, with a statement of what is not in it.

Taken over: tables, columns, rows, primary keys, and foreign keys that hold. Names become lower case. A
column's type follows its declaration where every value fits it, and is text otherwise, since SQLite lets any
value stand anywhere. Not taken over: views, triggers and indexes, which are listed; defaults, checks and
collations.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from evals.errors import ImportFailed

_MAX_INTEGER = 2**63


@dataclass(slots=True)
class Conversion:
    """What became of a database."""

    tables: int = 0
    rows: int = 0
    notes: list[str] = field(default_factory=list)
    """What was not taken over, or not as it was: a sentence each."""


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    """As SQLite has it."""
    declared: str
    type: str
    """PostgreSQL's."""
    key: int
    """Place in the primary key, from 1; 0 outside of it."""

    @property
    def quoted(self) -> str:
        return quote(self.name)


def convert(source: Path, target: Path) -> Conversion:
    """Write the script of a database to ``target``, table by table.

    Raises:
        ImportFailed: the file is no SQLite database, or holds no table.
    """
    done = Conversion()
    try:
        # A connection that only reads, and never makes the file that it does not find.
        with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as base:
            base.text_factory = lambda raw: raw.decode("utf-8", "replace")
            tables = _names(base, "table")
            if not tables:
                raise ImportFailed(f"{source.name} holds no table.", "Name a database that has some.")
            with target.open("w", encoding="utf-8") as script:
                for line in _script(base, tables, done):
                    script.write(line)
            for kind in ("view", "trigger", "index"):
                names = _names(base, kind)
                if names:
                    what = "Indexes" if kind == "index" else f"{kind.capitalize()}s"
                    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
                    done.notes.append(f"{what} are left out: {', '.join(names[:8])}{more}.")
    except sqlite3.Error as error:
        raise ImportFailed(
            f"{source.name} is not a readable SQLite database: {error}", "Name another."
        ) from error
    except OSError as error:
        raise ImportFailed(f"The script {target} cannot be written: {error}", "Make room.") from error
    return done


def quote(name: str) -> str:
    """A name in lower case, quoted as PostgreSQL wants it."""
    return '"' + name.lower().replace('"', '""') + '"'


def _script(base: sqlite3.Connection, tables: list[str], done: Conversion) -> Iterator[str]:
    columns = {table: _columns(base, table, done) for table in tables}
    for table in tables:
        defined = ",\n    ".join(f"{column.quoted} {column.type}" for column in columns[table])
        yield f"CREATE TABLE {quote(table)} (\n    {defined}\n);\n"
        names = ", ".join(column.quoted for column in columns[table])
        yield f"COPY {quote(table)} ({names}) FROM stdin;\n"
        for row in base.execute(f"SELECT * FROM {_sqlite_quote(table)}"):  # noqa: S608 (a name of its own schema)
            done.rows += 1
            cells = (_copied(value, column.type) for value, column in zip(row, columns[table], strict=True))
            yield "\t".join(cells) + "\n"
        yield "\\.\n\n"
        done.tables += 1
    yield from _keys(base, columns, done)


def _keys(base: sqlite3.Connection, columns: dict[str, list[_Column]], done: Conversion) -> Iterator[str]:
    """Primary and foreign keys that the rows hold to; the others are noted."""
    known = {table.lower(): table for table in columns}
    keyed: dict[str, list[str]] = {}
    for table, listed in columns.items():
        parts = [column for column in sorted(listed, key=lambda one: one.key) if column.key]
        names = [_sqlite_quote(column.name) for column in parts]
        if not parts:
            continue
        if _holds(base, table, names):
            keyed[table] = [column.name.lower() for column in parts]
            yield f"ALTER TABLE {quote(table)} ADD PRIMARY KEY ({', '.join(one.quoted for one in parts)});\n"
        else:
            done.notes.append(f"The primary key of {table} has NULLs or doubles; it is left out.")
    for table in columns:
        broken = {row[3] for row in base.execute(f"PRAGMA foreign_key_check({_sqlite_quote(table)})")}
        pairs: dict[int, list[tuple[str, str, str | None]]] = {}
        for row in base.execute(f"PRAGMA foreign_key_list({_sqlite_quote(table)})"):
            pairs.setdefault(row[0], []).append((row[2], row[3], row[4]))
        for number, links in pairs.items():
            target = known.get(links[0][0].lower())
            wanted = [link[2].lower() for link in links if link[2]] or keyed.get(target or "", [])
            if (
                target is None
                or number in broken
                or keyed.get(target) != wanted
                or not _alike(columns, table, [link[1] for link in links], target, wanted)
            ):
                done.notes.append(
                    f"The foreign key of {table} to {links[0][0]} does not hold; it is left out."
                )
                continue
            own = ", ".join(quote(link[1]) for link in links)
            yield (
                f"ALTER TABLE {quote(table)} ADD FOREIGN KEY ({own}) "
                f"REFERENCES {quote(target)} ({', '.join(map(quote, wanted))});\n"
            )


def _alike(
    columns: dict[str, list[_Column]], table: str, own: list[str], target: str, wanted: list[str]
) -> bool:
    """Whether both ends of a foreign key have one type."""
    here = {column.name.lower(): column.type for column in columns[table]}
    there = {column.name.lower(): column.type for column in columns[target]}
    return [here.get(name.lower()) for name in own] == [there.get(name) for name in wanted]


def _holds(base: sqlite3.Connection, table: str, names: list[str]) -> bool:
    listed = ", ".join(names)
    empty = " OR ".join(f"{name} IS NULL" for name in names)
    doubled = f"SELECT 1 FROM {_sqlite_quote(table)} GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"  # noqa: S608
    nulls = f"SELECT 1 FROM {_sqlite_quote(table)} WHERE {empty} LIMIT 1"  # noqa: S608 (names of its own schema)
    return base.execute(doubled).fetchone() is None and base.execute(nulls).fetchone() is None


def _columns(base: sqlite3.Connection, table: str, done: Conversion) -> list[_Column]:
    found = []
    for _, name, declared, _, _, key in base.execute(f"PRAGMA table_info({_sqlite_quote(table)})"):
        wanted = _declared_type(str(declared or ""))
        fitting = _fitting_type(base, table, str(name), wanted)
        if fitting != wanted:
            done.notes.append(
                f"{table}.{name}, declared {declared or 'without a type'}, holds other values: {fitting}."
            )
        found.append(_Column(str(name), str(declared or ""), fitting, int(key)))
    return found


_TYPES = (
    (r"BOOL", "boolean"),
    (r"INT", "bigint"),
    (r"DATETIME|TIMESTAMP", "timestamp"),
    (r"DATE", "date"),
    (r"REAL|FLOA|DOUB", "double precision"),
    (r"DEC|NUM|MONEY", "numeric"),
    (r"BLOB|BINARY", "bytea"),
)


def _declared_type(declared: str) -> str:
    return next((str(made) for part, made in _TYPES if re.search(part, declared.upper())), "text")


def _fitting_type(base: sqlite3.Connection, table: str, name: str, wanted: str) -> str:
    """The wanted type, where every value is of it; else what they have in common, at worst text."""
    if wanted == "text":
        return wanted
    column = _sqlite_quote(name)
    query = f"SELECT DISTINCT {column} FROM {_sqlite_quote(table)} WHERE {column} IS NOT NULL"  # noqa: S608
    candidates: list[str] = [wanted, *(["numeric"] if wanted == "bigint" else [])]
    for row in base.execute(query):
        candidates = [one for one in candidates if _FITS[one](row[0])]
        if not candidates:
            return "text"
    return candidates[0]


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


_FITS: dict[str, Callable[[object], bool]] = {
    "boolean": lambda value: value in (0, 1) and not isinstance(value, str),
    "bigint": lambda value: isinstance(value, int) and -_MAX_INTEGER <= value < _MAX_INTEGER,
    "timestamp": _is_moment,
    "date": _is_date,
    "double precision": _is_number,
    "numeric": _is_number,
    "bytea": lambda value: isinstance(value, bytes),
}


def _copied(value: object, kind: str) -> str:
    """A value as COPY's text format has it."""
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    if kind == "boolean":
        return "t" if value else "f"
    # PostgreSQL's text holds every character but this one.
    text = str(value).replace("\x00", "")
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _names(base: sqlite3.Connection, kind: str) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = ? ORDER BY rowid"
    return [str(row[0]) for row in base.execute(query, [kind]) if not str(row[0]).startswith("sqlite_")]


def _sqlite_quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
