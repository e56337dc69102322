"""Finding the SQL in what a model writes, while it writes.

Models wrap a query in fences, begin with a sentence, think aloud, or go on explaining. ``SqlReader`` is fed
the pieces as they come and gives back only SQL; it never parses JSON.
"""

import re

_LABELLED = re.compile(r"```[ \t]*(?:sql|postgresql|postgres|pgsql)[ \t]*\r?\n", re.IGNORECASE)
_FENCE = re.compile(r"```[^\n`]*\n")
_BARE = re.compile(
    r'^[ \t]*(?=(?:\(\s*)*(?:select\b|values\s*\(|with\s+(?:recursive\s+)?["\w]+\s*(?:\([^)]*\)\s*)?as\b))',
    re.IGNORECASE | re.MULTILINE,
)
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
_STATEMENT = re.compile(r"^(?:--[^\n]*\n|/\*.*?\*/|[\s(])*[A-Za-z]+\b", re.DOTALL)
_CANNOT = re.compile(r"^\W*CANNOT_ANSWER\b[:.\s]*([^\n]*)", re.IGNORECASE)
_SENTENCE = re.compile(
    r"(?:this|the|here|note|explanation|it|i|in(?!\s*\()|sorry|sure|unfortunately|to)\b", re.IGNORECASE
)
_TURN = re.compile(r"""\b[eE]'|'|"|;|--|/\*|```|\n\n""")
"""Where reading SQL takes a turn: a quote, a comment, an end."""
_TEXT_END = re.compile(r"[^']*(?:''[^']*)*'(?!')")
_ESCAPED_END = re.compile(r"[^'\\]*(?:(?:\\.|'')[^'\\]*)*'(?!')", re.DOTALL)
_NAME_END = re.compile(r'[^"]*(?:""[^"]*)*"(?!")')
_LINE_END = re.compile(r"\n")
_COMMENT_END = re.compile(r"\*/")
_TAIL = 3
"""Characters held back while streaming: the beginning of a closing fence must not be shown as SQL."""


class SqlReader:
    """Reads one reply."""

    def __init__(self) -> None:
        self._reply = ""
        self._shown = 0

    def feed(self, piece: str) -> str:
        """Take the next piece of the reply; return the SQL that can be shown now, often ``""``."""
        self._reply += piece
        body, closed = self._body(self._reply)
        # A fence may still follow bare SQL or prose: a reply is only shown once its first line is decided.
        safe = body if closed else body[: max(len(body) - _TAIL, 0)]
        fresh = safe[self._shown :]
        self._shown = max(self._shown, len(safe))
        return fresh

    def rest(self) -> str:
        """What ``feed`` held back of the SQL, once the reply is over."""
        sql = self._body(self._reply)[0].rstrip()
        fresh = sql[self._shown :] if self.sql() else ""
        self._shown += len(fresh)
        return fresh

    @property
    def complete(self) -> bool:
        """Whether the SQL has ended, whatever else the model goes on to write."""
        body, closed = self._body(self._reply)
        return closed and bool(body.strip())

    @property
    def cut_short(self) -> bool:
        """Whether a stop sequence may have hit inside a quote, or before any SQL came."""
        body, closed = self._body(self._reply)
        if closed or self.cannot_answer is not None:
            return False
        return not self.sql() or _end(f"{body};", fenced=True) is None

    @property
    def cannot_answer(self) -> str | None:
        """What the model says is missing when it declares that it cannot answer; None when it does not."""
        declared = _CANNOT.match(_THOUGHT.sub("", self._reply).strip())
        return declared[1].strip(" .`<>") if declared else None

    def sql(self) -> str:
        """The SQL of the whole reply, without fence, semicolon or prose; ``""`` when there is none."""
        body, _ = self._body(self._reply)
        body = body.strip()
        return body if _STATEMENT.match(body) and not _is_prose(body) else ""

    def _body(self, reply: str) -> tuple[str, bool]:
        """The SQL so far, and whether it has ended."""
        text = _THOUGHT.sub("", reply)
        start = self._start(text)
        if start is None:
            return "", False
        fenced = "```" in text[:start]
        body = text[start:]
        end = _end(body, fenced=fenced)
        return (body, False) if end is None else (body[:end], True)

    @staticmethod
    def _start(text: str) -> int | None:
        if fence := _LABELLED.search(text):
            return fence.end()
        fence, bare = _FENCE.search(text), _BARE.search(text)
        if bare and (fence is None or bare.end() <= fence.start()):
            return bare.end()
        return fence.end() if fence else None


def _end(body: str, *, fenced: bool) -> int | None:
    """Where the statement ends: at a semicolon or fence outside quotes and comments; None when it goes on."""
    place = 0
    while mark := _TURN.search(body, place):
        start, place = mark.start(), mark.end()
        match mark[0]:
            case ";" | "```":
                return start
            case "\n\n":
                if not fenced and _is_prose(body[place:].lstrip()):
                    return start
                place = start + 1
                continue
            case "--":
                close = _LINE_END.search(body, place)
            case "/*":
                close = _COMMENT_END.search(body, place)
            case '"':
                close = _NAME_END.match(body, place)
            case quote:
                close = (_TEXT_END if quote == "'" else _ESCAPED_END).match(body, place)
        if close is None:
            # Left open: only a fence on a line of its own can still end it.
            fence = body.find("\n```", start)
            return fence if fence >= 0 else None
        place = close.end()
    return None


def _is_prose(text: str) -> bool:
    """Whether this begins as explanations begin, and as no SQL does."""
    return bool(_SENTENCE.match(text))
