"""Bounds on arguments that make a value large: work that a statement_timeout does not interrupt.

Building a value of a gigabyte is one uninterruptible step for the server. So a size that is written down is
compared with a limit, and one that is only known later is cut to it while the statement runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from postgast import pg_query_pb2 as pb

from agent.sandbox.shape import children, unwrap
from agent.sandbox.verdict import Refusal

MAX_REPEAT = 10_000
MAX_REPEAT_OF_VALUES = 1_000
"""Repeats of something that is not written down, which may itself be long."""
MAX_PAD = 10_000
MAX_FORMAT_WIDTH = 1_000
MAX_FILL = 100_000
MAX_SERIES = 10_000_000
MAX_TYPE_LENGTH = 65_536
MAX_FACTORIAL = 1_000
MAX_EXPONENT = 10_000

_WIDTH = re.compile(r"%(?:\d+\$)?-*(\d+|\*)")


def constant_int(node: Any) -> int | None:
    """The value of an expression of integer literals; None when it is not one."""
    value = unwrap(node)
    if value is None:
        return None
    name = value.DESCRIPTOR.name
    if name == "A_Const":
        kind = value.WhichOneof("val")
        if kind == "ival":
            return int(value.ival.ival)
        if kind in ("fval", "sval"):
            text = value.fval.fval if kind == "fval" else value.sval.sval
            try:
                return int(float(text)) if len(text) < 400 else None
            except (ValueError, OverflowError):
                return None
        return None
    if name == "TypeCast":
        return constant_int(value.arg)
    if name == "A_Expr" and len(value.name) == 1:
        return _arithmetic(value)
    return None


def _arithmetic(value: Any) -> int | None:
    right = constant_int(value.rexpr)
    left = constant_int(value.lexpr) if value.HasField("lexpr") else 0
    if left is None or right is None:
        return None
    word = value.name[0].string.sval
    if word == "^":
        return left**right if 0 <= right <= 64 and abs(left) <= 10**6 else 10**18
    results = {"+": left + right, "-": left - right, "*": left * right}
    return results.get(word)


def constant_text(node: Any) -> str | None:
    """The value of a text literal, concatenated or cast ones included; None when it is not one."""
    value = unwrap(node)
    if value is None:
        return None
    name = value.DESCRIPTOR.name
    if name == "A_Const" and value.WhichOneof("val") == "sval":
        return str(value.sval.sval)
    if name == "TypeCast":
        return constant_text(value.arg)
    if name == "A_Expr" and len(value.name) == 1 and value.name[0].string.sval == "||":
        left, right = constant_text(value.lexpr), constant_text(value.rexpr)
        return left + right if left is not None and right is not None else None
    return None


def bound_call(word: str, call: Any) -> None:
    """Hold a call of a function of ``pg_catalog`` to the bounds, cutting arguments in place where needed.

    Raises:
        Refusal: a size that is written down is above its limit, or one must be written down and is not.
    """
    args = list(call.args)
    if any(unwrap(arg) is not None and unwrap(arg).DESCRIPTOR.name == "NamedArgExpr" for arg in args):
        if word in _SIZED:
            raise _refuse(word, "with named arguments", "by position")
        return
    if call.func_variadic and word in _SIZED:
        raise _refuse(word, "with VARIADIC", "without it")
    if word == "repeat" and len(args) == 2:
        text = constant_text(args[0])
        most = MAX_REPEAT if text is not None and len(text) <= 100 else MAX_REPEAT_OF_VALUES
        _cut(word, call, 1, most)
    elif word in ("lpad", "rpad") and len(args) >= 2:
        _cut(word, call, 1, MAX_PAD)
    elif word == "format" and args:
        _bound_format(args)
    elif word == "array_fill" and len(args) >= 2:
        _bound_fill(args)
    elif word == "generate_series" and len(args) >= 2:
        _bound_series(args)
    elif word == "factorial" and args:
        _at_most(word, constant_int(args[0]), MAX_FACTORIAL)
    elif word in ("power", "pow") and len(args) == 2:
        bound_power(args[1])
    elif word == "polygon" and len(args) == 2:
        _cut(word, call, 0, MAX_CORNERS)


_SIZED = frozenset(
    {
        "repeat",
        "lpad",
        "rpad",
        "format",
        "array_fill",
        "generate_series",
        "factorial",
        "power",
        "pow",
        "polygon",
    }
)


_MULTIPLYING = frozenset({"replace", "regexp_replace", "array_to_string", "concat_ws", "string_agg"})
"""Functions whose result may hold one argument as often as another is long (``growth``)."""


def looks_into(word: str) -> bool:
    """Whether a rule makes something of the values that a call of this function is given."""
    return word in _SIZED or word in _MULTIPLYING


def literals(message: Any) -> Iterator[int]:
    """Where the literals at or below this message stand in the statement, in bytes."""
    waiting = [message]
    while waiting:
        value = unwrap(waiting.pop())
        if value is None:
            continue
        if value.DESCRIPTOR.name == "A_Const":
            yield value.location
        waiting.extend(children(value))


def bound_power(exponent: Any) -> None:
    """Hold a written-down exponent to its bound; digits of a numeric power grow with it.

    Raises:
        Refusal: it is above the limit.
    """
    value = constant_int(exponent)
    if value is not None and abs(value) > MAX_EXPONENT:
        raise _above("The exponent", value, MAX_EXPONENT)


OUTLINES = frozenset({"path", "polygon"})
"""Types of any number of points, of which two are compared point by point in one step that nothing stops:
paths of 30,000 points kept a server busy for minutes, deaf to ``pg_terminate_backend``."""
MAX_OUTLINE = 4_096
"""Characters of such a value."""
MAX_CORNERS = 1_000


def bound_type(type_name: Any, text: str | None = None, outlines: bool = False) -> None:
    """Hold a type's length to its bound: ``char(10000000)`` pads to it.

    Args:
        text: the literal that is cast to it; None of any other value.
        outlines: it is a type of the owner's that holds a path or polygon.

    Raises:
        Refusal: it is above the limit, or such a value must be written down and is not.
    """
    word = type_name.names[-1].string.sval if type_name.names else ""
    outlines = outlines or word in OUTLINES
    if outlines and (text is None or type_name.array_bounds):
        raise Refusal(
            "bounds",
            "not_bounded",
            f"A value of the type {word} must be written down.",
            f"Write its points: {word} '((0,0),(1,0),(1,1))'.",
        )
    if outlines and len(text or "") > MAX_OUTLINE:
        raise _above(f"The length of a {word}", len(text or ""), MAX_OUTLINE)
    if word not in ("bpchar", "bit", "varbit", "varchar"):
        return
    for modifier in type_name.typmods:
        value = constant_int(modifier)
        if value is not None and value > MAX_TYPE_LENGTH:
            raise _above(f"The length of {word}", value, MAX_TYPE_LENGTH)


def _bound_format(args: list[Any]) -> None:
    texts = _constant_texts(args[0])
    if texts is None:
        raise Refusal(
            "bounds",
            "format_not_constant",
            "The first argument of format must be written down.",
            "Write the format as a literal.",
        )
    for width in (width for text in texts for width in _WIDTH.findall(text)):
        if width == "*" or len(width) > 4 or int(width) > MAX_FORMAT_WIDTH:
            raise Refusal(
                "bounds",
                "too_large",
                f"A width in format must be a number up to {MAX_FORMAT_WIDTH}.",
                "Use a smaller width, or lpad.",
            )


def _constant_texts(node: Any) -> list[str] | None:
    """The literals of which one is the value of an expression; None when it may be anything else."""
    value = unwrap(node)
    kind = value.DESCRIPTOR.name if value is not None else ""
    if kind == "A_Const" and value.isnull:
        return []
    if kind == "CaseExpr":
        parts = [when.case_when.result for when in value.args]
        parts += [value.defresult] if value.HasField("defresult") else []
    elif kind == "CoalesceExpr":
        parts = list(value.args)
    else:
        text = constant_text(node)
        return None if text is None else [text]
    found = [_constant_texts(part) for part in parts]
    return None if None in found else [text for texts in found for text in texts or ()]


def _bound_fill(args: list[Any]) -> None:
    dimensions = _dimensions(args[1])
    if dimensions is None or dimensions.DESCRIPTOR.name != "A_ArrayExpr":
        raise _refuse("array_fill", "with dimensions that are not written down", "as ARRAY[3, 4]")
    size = 1
    for element in dimensions.elements:
        value = constant_int(element)
        if value is None:
            raise _refuse("array_fill", "with dimensions that are not written down", "as ARRAY[3, 4]")
        size *= max(1, abs(value))
    if size > MAX_FILL:
        raise _above("The size of array_fill", size, MAX_FILL)


def _dimensions(node: Any) -> Any:
    value = unwrap(node)
    while value is not None and value.DESCRIPTOR.name == "TypeCast":
        value = unwrap(value.arg)
    return value


def _bound_series(args: list[Any]) -> None:
    start, stop = constant_int(args[0]), constant_int(args[1])
    step = constant_int(args[2]) if len(args) > 2 else 1
    if start is None or stop is None or step is None:
        return
    size = abs(stop - start) // max(1, abs(step))
    if size > MAX_SERIES:
        raise _above("The length of generate_series", size, MAX_SERIES)


def _cut(word: str, call: Any, place: int, most: int) -> None:
    """Compare a written-down argument with its limit; put any other one through ``int4smaller``.

    That function is strict, unlike LEAST: a NULL stays NULL.
    """
    argument = call.args[place]
    value = constant_int(argument)
    if value is not None:
        _at_most(word, value, most)
        return
    bounded = pb.Node()
    smaller = bounded.func_call
    for part in ("pg_catalog", "int4smaller"):
        smaller.funcname.add().string.sval = part
    smaller.args.add().CopyFrom(argument)
    smaller.args.add().a_const.ival.ival = most
    smaller.funcformat = pb.COERCE_EXPLICIT_CALL
    argument.CopyFrom(bounded)


def _at_most(word: str, value: int | None, most: int) -> None:
    if value is not None and value > most:
        raise _above(f"The size given to {word}", value, most)


def _above(what: str, value: int, most: int) -> Refusal:
    return Refusal(
        "bounds", "too_large", f"{what} is {value}; at most {most} is permitted.", "Use a smaller number."
    )


def _refuse(word: str, how: str, instead: str) -> Refusal:
    return Refusal("bounds", "not_bounded", f"{word} {how} is not permitted.", f"Write it {instead}.")
