"""How long what a function gives may be, from the lengths of what it is given."""

from __future__ import annotations

from typing import Any

from agent.sandbox.bounds import constant_int, constant_text
from agent.sandbox.columns import COLUMN, OUTLINE, SMALL
from agent.sandbox.shape import children, unwrap
from agent.sandbox.vocabulary import AGGREGATES, DATES, MATH, words

ROWS_COUNTED = 1_000_000
UNKNOWN_TIMES = 1_000
"""What ``repeat`` by a number that is not written down is cut to."""
PADDED = 10_000

SHORT = words("""
    abs age array_length array_ndims array_position ascii avg bit_count bit_length bool_and bool_or
    cardinality ceil ceiling char_length character_length corr count crc32 crc32c cume_dist date_bin
    date_part date_trunc dense_rank every extract floor get_byte hashtext isfinite json_array_length
    json_typeof jsonb_array_length jsonb_typeof length levenshtein md5 min_scale now ntile octet_length
    percent_rank position rank regexp_count regexp_instr row_number scale sha224 sha256 sha384 sha512
    sign similarity starts_with strpos to_date to_timestamp to_hex width_bucket
""")
"""Functions whose result is short whatever they are given."""
QUOTING = words("""
    array_to_json encode json_agg json_build_array json_build_object json_object_agg jsonb_agg
    jsonb_build_array jsonb_build_object jsonb_object_agg quote_ident quote_literal quote_nullable
    row_to_json to_json to_jsonb
""")
"""Functions that may write each character as two."""
GATHERING = words("""
    array_agg json_agg json_agg_strict json_object_agg json_object_agg_strict json_object_agg_unique
    json_object_agg_unique_strict jsonb_agg jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict
    jsonb_object_agg_unique jsonb_object_agg_unique_strict range_agg string_agg
""")
"""Aggregates whose result holds every row's value."""
PAIRING = words("@> <@ &&")
"""Operators that compare each element of an array, or of JSON, with each of another, in one step."""
PAIRING_FUNCTIONS = words("""
    arraycontained arraycontains arrayoverlap btrim jsonb_contains ltrim position replace rtrim strpos
    translate
""")
"""Functions that do so, or compare each character of a text with each of another."""
MAKING = words("""
    array_agg array_cat array_fill array_to_string concat concat_ws format json_agg jsonb_agg lpad
    overlay power quote_ident quote_literal quote_nullable regexp_replace repeat replace rpad string_agg
    to_json to_jsonb
""")
POPULATING = words("""
    json_populate_record json_populate_recordset jsonb_populate_record jsonb_populate_recordset
""")
"""Functions that make of JSON whatever the type of their first argument has."""
NUMBERS = MATH | DATES
"""Functions whose result is a number or a time, which has an end to its length."""
_SERIES = "generate_series"


def result_size(word: str, call: Any, sizes: list[int]) -> int:
    """Characters, or digits, of what a function gives.

    Args:
        word: the function's name.
        sizes: of its arguments.
    """
    args, count = call.args, len(sizes)
    total = sum(sizes)
    match word:
        case "repeat" if count == 2:
            times = constant_int(args[1])
            if times is None and _of_a_length(args[1]):
                return sizes[0] * COLUMN
            return sizes[0] * max(0, UNKNOWN_TIMES if times is None else times)
        case "left" | "right" if count == 2:
            return _at_most(sizes[0], args[1])
        case "substr" | "substring" if count == 3:
            return _at_most(sizes[0], args[2])
        case "polygon":
            return max(total, OUTLINE)
        case "lpad" | "rpad" if count >= 2:
            length = constant_int(args[1])
            return PADDED if length is None else max(0, length)
        case "replace" if count == 3:
            pattern = constant_text(args[1])
            return sizes[0] * max(1, sizes[2] // max(1, len(pattern or "")))
        case "regexp_replace" if count >= 3:
            return sizes[0] * max(1, sizes[2] // 2)
        case "array_to_string" if count >= 2:
            return sizes[0] * (1 + sizes[1])
        case "concat_ws" if count:
            return total + sizes[0] * count
        case "array_fill" if count >= 2:
            product = 1
            for part in children(unwrap(args[1])):
                product *= max(1, constant_int(part) or 1)
            return sizes[0] * product
        case "power" | "pow" if count == 2:
            exponent = constant_int(args[1])
            size = SMALL if exponent is None else sizes[0] * max(1, abs(exponent))
            return size
    if word in SHORT:
        return SMALL
    if word in AGGREGATES and word not in GATHERING:
        return max(sizes, default=SMALL)
    return 2 * total if word in QUOTING else total


def _at_most(size: int, node: Any) -> int:
    """What is left of a text of this size where so many characters are taken of it."""
    length = constant_int(node)
    return size if length is None or length < 0 else min(size, length)


def series_rows(call: Any) -> int:
    """Rows of a ``generate_series`` whose ends are written down; 1 of anything else."""
    if call is None or call.DESCRIPTOR.name != "FuncCall" or call.funcname[-1].string.sval != _SERIES:
        return 1
    ends = [constant_int(arg) for arg in call.args[:3]]
    if len(ends) < 2 or any(end is None for end in ends):
        return 1
    numbers = [end or 0 for end in ends]
    step = max(1, abs(numbers[2])) if len(numbers) > 2 else 1
    return max(1, min(ROWS_COUNTED, abs(numbers[1] - numbers[0]) // step))


def _of_a_length(node: Any) -> bool:
    """Whether a number is a text's length less something, as where a mask pads what it has cut."""
    value = unwrap(node)
    if value is None or value.DESCRIPTOR.name != "A_Expr" or value.name[-1].string.sval != "-":
        return False
    call = unwrap(value.lexpr) if value.HasField("lexpr") else None
    if call is None or call.DESCRIPTOR.name != "FuncCall" or len(call.args) != 1:
        return False
    return call.funcname[-1].string.sval == "length" and not _computed(call.args[0])


def _computed(node: Any) -> bool:
    """Whether a value is more than a column, cast or not."""
    value = unwrap(node)
    while value is not None and value.DESCRIPTOR.name == "TypeCast":
        value = unwrap(value.arg)
    return value is None or value.DESCRIPTOR.name != "ColumnRef"
