"""Whether a connection string says what its writer meant, told before a driver is given it.

A driver that cannot read one quotes the piece that it stumbled over, and one that reads it otherwise than it
was meant looks for a host or a port by that name and says so: either may be part of a password. So such a
string is found here, and goes no further.
"""

import re
from collections.abc import Callable, Mapping

UNREADABLE = "The connection string cannot be parsed."
HINT = (
    "Percent-encode the password in a URL (@ is %40, / is %2F, % is %25), or quote it in key=value form:"
    " password='…'."
)

_CREDENTIALS = re.compile(r"[^@/]*@")
"""As libpq looks for them: up to the first ``@``, unless a slash comes before."""
_HOST = re.compile(r"|[/@].*|[^@/\s]+")
_PORT = re.compile(r"|\d{1,5}")


def is_plain(text: str, parse: Callable[[str], Mapping[str, object]]) -> bool:
    """Whether a driver will read ``text`` as it was meant.

    Args:
        text: libpq's connection string or URL; empty leaves everything to libpq's own variables.
        parse: the driver's parser (psycopg's ``conninfo_to_dict``); raises where it cannot read it.
    """
    if "\0" in text or _has_stray_at(text):
        return False
    try:
        said = parse(text)
    except Exception:  # a driver's, a codec's: whichever it is, its words may quote what it stumbled over
        return False
    hosts = [*_listed(said, "host"), *_listed(said, "hostaddr")]
    return all(map(_HOST.fullmatch, hosts)) and all(map(_PORT.fullmatch, _listed(said, "port")))


def _has_stray_at(text: str) -> bool:
    """Whether a URL has an ``@`` where none belongs: what stands before it was meant as a password."""
    scheme, _, rest = text.partition("://")
    if scheme.lower() not in ("postgresql", "postgres"):
        return False
    credentials = _CREDENTIALS.match(rest)
    return "@" in rest[credentials.end() if credentials else 0 :].partition("?")[0]


def _listed(said: Mapping[str, object], name: str) -> list[str]:
    value = said.get(name)
    return [] if value is None else str(value).split(",")
