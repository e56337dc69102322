"""The demo database in several sizes and figures, as ``<db>/demo.toml`` of a suite lists them.

Questions are asked of the first one; answers are scored on all. Each ``[[variant]]`` has a ``seed`` and,
where wanted, ``people``, ``business`` and ``skew`` (see ``embedded.demo.Shape``).
"""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from embedded.demo import Shape, create_demo
from embedded.errors import EmbeddedError
from evals.errors import DatabaseError
from wire.policy import Policy, parse_policy


@dataclass(frozen=True, slots=True)
class Variant:
    """One company."""

    seed: int
    shape: Shape


@dataclass(frozen=True, slots=True)
class MadeVariant:
    """A demo database on the suite's server. ``agent_dsn`` holds the agent's password."""

    name: str
    agent_dsn: str
    policy: Policy


def read_variants(path: Path) -> list[Variant]:
    """What a ``demo.toml`` lists.

    Raises:
        DatabaseError: it is not such a file.
    """
    try:
        listed = tomllib.loads(path.read_text(encoding="utf-8"))["variant"]
        variants = [
            Variant(int(one["seed"]), Shape(**{key: float(one[key]) for key in one if key != "seed"}))
            for one in listed
        ]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DatabaseError(
            f"{path} does not list variants of the demo: {error}",
            "Each [[variant]] has a seed, and people, business or skew where wanted.",
        ) from error
    if not variants:
        raise DatabaseError(f"{path} lists no variant.", "Write at least one [[variant]] with a seed.")
    return variants


def make_variants(admin_dsn: str, name: str, path: Path, today: date | None = None) -> list[MadeVariant]:
    """Make the databases ``name``, ``name_2``, … on a server.

    Args:
        today: the last day in the data; None means now, which relative dates in questions want.

    Raises:
        DatabaseError: the list cannot be read, or the server refuses.
    """
    made = []
    for number, variant in enumerate(read_variants(path), 1):
        place = name if number == 1 else f"{name}_{number}"
        try:
            demo = create_demo(admin_dsn, today=today, seed=variant.seed, shape=variant.shape, name=place)
        except EmbeddedError as error:
            raise DatabaseError(f"The demo database cannot be made: {error}", error.hint) from error
        policy = parse_policy(demo.policy_toml)
        # A suite may ask faster than people do; what may be read stays the owner's say.
        limits = policy.limits.model_copy(update={"per_minute": 100_000})
        made.append(MadeVariant(place, demo.agent_dsn, policy.model_copy(update={"limits": limits})))
    return made
