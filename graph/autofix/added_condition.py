"""Where a condition on one source of FROM goes that the question or its notes ask for."""

from sqlglot import exp


def add_condition(select: exp.Select, alias: str, condition: exp.Expr) -> bool:
    """Add it to WHERE, or to the join that may find no partner: what has none is to stay.

    Args:
        select: changed in place.
        alias: of the source that the condition is about.
        condition: what its rows are to be.

    Returns:
        Whether it could be added: what a RIGHT or FULL join makes up is nobody's row.
    """
    for join in select.args.get("joins") or ():
        if join.side in {"RIGHT", "FULL"}:
            return False
        if join.alias_or_name.lower() == alias and join.side == "LEFT":
            on = join.args.get("on")
            if on is None:
                return False
            join.set("on", exp.and_(on.copy(), condition))
            return True
    select.where(condition, copy=False)
    return True
