"""What shortened names say: ``brcustnm`` of ``brcust`` is a customer's name, ``sts_cd`` a status code.

Business databases glue names together, put the table's own before each column's, and leave vowels out.
Here such a name is taken apart: the beginning that all columns of a table share, known endings, common
short forms. What cannot be taken apart stays whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from graph.context.prepared import once
from graph.context.words import name_words
from wire.snapshot import SchemaSnapshot, Table

_SHARED_BY = 3
"""Names that must begin alike before the beginning counts as a prefix, and its letters at least."""
_PREFIX_LETTERS = 2

SHORT_FORMS: dict[str, str] = {
    short: long
    for line in """
acc account, acct account, act activity, add added, addr address, adj adjustment, adm admission
amount amount, amt amount, app appointment, appt appointment, attn attendance, auth authorization
avg average, bal balance, bdt birth, brnch branch, bus business, cat category, ccy currency, cd code
chg charge, chk check, city city, cl close, clm claim, cls class, cmp company, cnt count, cntct contact
cntry country, co company, code code, comm commission, comp company, cond condition, conf confirmation
cont contact, corp corporation, count count, cpn coupon, cr credit, crt created, ctr center, ctry country
cty city, cur currency, curr currency, cust customer, date date, db debit, dbt debit, del delivery
deliv delivery, dep department, dept department, desc description, descr description, dest destination
dev device, diag diagnosis, disc discount, dist distance, div dividend, dlv delivery, dob birth
doc doctor, dr doctor, dscr description, dt date, dte date, due due, dur duration, eff effective
eml email, emp employee, eqp equipment, est estimate, evt event, exch exchange, exp expiry
fac facility, fee fee, fin finance, flg flag, fn first, fname first name, freq frequency, gndr gender
grp group, hi high, hld holding, hosp hospital, hr hour, hrs hours, id id, img image, ind indicator
ins insurance, instr instrument, inv invoice, invt inventory, itm item, jn join, key key
lang language, lbl label, lic license, ln last, lname last name, lo low, loc location, lvl level
maint maintenance, mdl model, med medication, mfr manufacturer, mgr manager, mkt market, mnth month
mo month, msg message, mtg meeting, mth month, name name, nbr number, net net, nm name, nme name
no number, notif notification, num number, op open, opn open, ord order, org organization, orig origin
part part, pat patient, pay pay, pct percent, pd paid, per per, ph phone, phn phone, pk key, pln plan
pmt payment, pol policy, pos position, pr price, prc price, pref preference, prev previous, pri priority
price price, prio priority, prod product, prof profession, proj project, prov provider, pt patient
pts points, pur purchase, px price, pymt payment, qtr quarter, qty quantity, rate rate, rcpt receipt
rec record, ref reference, reg registration, req request, res result, resp response, ret return
rev revenue, rm room, rsn reason, rt rate, rte rate, rx prescription, sal salary, sch schedule
sched schedule, seq sequence, sess session, setl settlement, sev severity, sh share, shp shipment
shpt shipment, sku sku, sls sales, spec specialty, src source, st state, stat status, state state
status status, stk stock, stmt statement, strt start, sts status, sub subscription
subj subject, supp supplier, svc service, sz size, tax tax, tel phone, temp temperature, tgt target
time time, tkr ticker, tkt ticket, tm time, tms time, tot total, total total, trans transaction
trk truck, trn transaction, trt treatment, trx transaction, ts time, tx transaction, txn transaction
typ type, type type, unt unit, upd updated, usr user, val value, veh vehicle, vend vendor, vis visit
vol volume, vst visit, wh warehouse, whs warehouse, wk week, wlt wallet, wrk work
wt weight, yr year, yrs years, zip zip
""".strip()
    .replace("\n", ", ")
    .split(", ")
    for short, _, long in [line.partition(" ")]
}
"""Common short forms in names, with the words that they stand for. A few full words are among them, since
glued names hold those too."""

_KNOWN = frozenset(SHORT_FORMS) | {word for long in SHORT_FORMS.values() for word in long.split()}
_KEYS = frozenset({"id", "key", "code", "no", "num", "nbr", "cd", "pk", "uuid"})
"""Endings by which a column is its table's key."""
_TAILS = frozenset({"cd", "dt", "id", "nm", "no", "px", "tm", "ts"})
"""Endings of two letters by which a glued name may be cut though everything before has but two as well."""


@dataclass(frozen=True, slots=True)
class _Own:
    """A table's way of naming: what its columns begin with, and what stands there without the database's."""

    prefix: str
    bare: str


class ShortNames:
    """The names of one snapshot, taken apart. Names are compared in lower case and without underscores."""

    def __init__(self, snapshot: SchemaSnapshot) -> None:
        tables = snapshot.listed
        self._shared = _shared_beginning([_bare(table.name) for table in tables])
        self._own = {table.qualified_name: self._naming(table) for table in tables}
        self._heads = {own.bare for own in self._own.values() if len(own.bare) >= _PREFIX_LETTERS}
        self.prefixes = sorted({own.prefix for own in self._own.values() if own.prefix})
        """What tables put before their columns' names."""
        self._keys: dict[str, list[tuple[Table, str]]] = {}
        for table in tables:
            own = self._own[table.qualified_name]
            for column in table.columns if own.prefix else ():
                if (ending := self.rest(table, column.name)) in _KEYS:
                    self._keys.setdefault(own.bare + ending, []).append((table, column.name))
        columns = [(table, column.name) for table in tables for column in table.columns]
        self._terse = 2 * sum(self.is_shortened(*each) for each in columns) > len(columns)

    def rest(self, table: Table, column: str) -> str:
        """The column's name without what all of the table's begin with: ``custid`` for ``bracctcustid``."""
        name, own = _bare(column), self._own.get(table.qualified_name)
        if own is None or not name.startswith(own.prefix) or name == own.prefix:
            return name
        return name[len(own.prefix) :]

    def refers(self, table: Table, column: str) -> list[tuple[Table, str]]:
        """Other tables' keys that a column's name speaks of.

        ``bracctcustid`` of ``bracct`` speaks of ``brcust.brcustid``.
        """
        named = self._keys.get(self.rest(table, column), [])
        return [(target, key) for target, key in named if target is not table]

    def is_own_key(self, table: Table, column: str) -> bool:
        """Whether nothing but a key's ending is left of the name: ``brcustid`` of ``brcust``."""
        own = self._own.get(table.qualified_name)
        return own is not None and bool(own.prefix) and self.rest(table, column) in _KEYS

    def column_words(self, table: Table, column: str) -> list[str]:
        """The words that the column's name stands for, without the table's own."""
        return _written_out(self.column_pieces(table, column))

    def column_pieces(self, table: Table, column: str) -> list[str]:
        """The pieces of the column's name as they stand there, without the table's own."""
        own = self._own.get(table.qualified_name)
        if own is None or not own.prefix:
            return name_words(column)
        rest = self.rest(table, column)
        return name_words(column[-len(rest) :]) if "_" in column else self._pieces(rest)

    def table_words(self, table: Table) -> list[str]:
        """The words that the table's name stands for, without what all tables' names begin with."""
        name = _bare(table.name)
        if self._shared and name != self._shared and "_" not in table.name:
            return _written_out(self._pieces(name[len(self._shared) :]))
        return _written_out(name_words(table.name))

    def is_shortened(self, table: Table, column: str) -> bool:
        """Whether the name had to be taken apart or filled up to be read."""
        return self.column_words(table, column) != name_words(column)

    def glues(self, table: Table) -> bool:
        """Whether the table puts its own name before its columns', without a mark between."""
        own = self._own.get(table.qualified_name)
        marked = any("_" in column.name for column in table.columns)
        return own is not None and bool(own.prefix) and not marked

    def gloss(self, table: Table, column: str) -> str:
        """A glued name in words, where they are others than its letters; else ``""``."""
        if not self.glues(table):
            return ""
        said = self.column_words(table, column)
        return "" if "".join(said) == self.rest(table, column) else " ".join(said)

    @property
    def are_terse(self) -> bool:
        """Whether most columns of the database have such names."""
        return self._terse

    def _naming(self, table: Table) -> _Own:
        name = _bare(table.name)
        prefix = _shared_beginning([_bare(column.name) for column in table.columns])
        if prefix and name.startswith(prefix[:_PREFIX_LETTERS]):
            # Columns may have more in common than the table's name; what is beyond it is their own.
            prefix = name if prefix.startswith(name) else prefix
            return _Own(prefix, prefix.removeprefix(self._shared) or prefix)
        return _Own("", name.removeprefix(self._shared) or name)

    def _pieces(self, part: str) -> list[str]:
        """A glued name cut into short forms and names of tables; whole when that does not come out even."""
        if part in SHORT_FORMS or len(part) < 2 * _PREFIX_LETTERS:
            return [part]
        known = _KNOWN | self._heads
        best: list[list[str] | None] = [[]] + [None] * len(part)
        for end in range(1, len(part) + 1):
            for start in range(max(0, end - 12), end - 1):
                before = best[start]
                if before is not None and part[start:end] in known:
                    found = [*before, part[start:end]]
                    shorter = best[end]
                    if shorter is None or len(found) < len(shorter):
                        best[end] = found
        pieces = best[-1]
        if pieces is None or (max(map(len, pieces)) == 2 and pieces[-1] not in _TAILS):
            return [part]
        return pieces


def _written_out(pieces: Sequence[str]) -> list[str]:
    return [word for piece in pieces for word in SHORT_FORMS.get(piece, piece).split()]


def stands_for(short: str, word: str) -> bool:
    """Whether a few letters may be short for a word: its beginning, or its consonants in order.

    ``sec`` for sector, ``tkr`` for ticker; never ``city`` for capacity.
    """
    if not 3 <= len(short) <= 5 or len(word) <= len(short) or short[0] != word[0]:
        return False
    if word.startswith(short):
        return True
    if any(letter in "aeiou" for letter in short[1:]):
        return False
    place = 0
    for letter in short:
        place = word.find(letter, place) + 1
        if not place:
            return False
    return True


def is_skeleton(piece: str) -> bool:
    """Whether a few letters hold no vowel after the first, as a word that is shortened to its consonants."""
    return 3 <= len(piece) <= 5 and piece.isalpha() and not any(letter in "aeiouy" for letter in piece[1:])


def _bare(name: str) -> str:
    return name.lower().replace("_", "")


def _shared_beginning(names: Sequence[str]) -> str:
    """What all the names begin with; ``""`` when they are few or it is short."""
    if len(names) < _SHARED_BY:
        return ""
    first, last = min(names), max(names)
    alike = next((at for at, letter in enumerate(first) if last[at : at + 1] != letter), len(first))
    shared = first[:alike]
    return shared if len(shared) >= _PREFIX_LETTERS else ""


short_names = once(ShortNames)
"""The short names of a snapshot, taken apart once."""
