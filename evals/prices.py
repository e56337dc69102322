"""What a run's tokens cost, by a table of prices that its reader sets.

``CUSTARD_EVAL_PRICES`` (or ``--prices``) names a TOML file: a table for each model, ``input`` and ``output``
in currency units a million tokens, and the name of the ``currency`` before them. A name may end in ``*``.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from evals.errors import EvalError

PRICES_VARIABLE = "CUSTARD_EVAL_PRICES"
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """Of a million tokens."""

    input: float
    output: float
    currency: str

    def of(self, tokens_in: float, tokens_out: float) -> float:
        """What these tokens cost."""
        return (tokens_in * self.input + tokens_out * self.output) / _MILLION

    def told(self, amount: float) -> str:
        """An amount with its currency, as many digits as say something."""
        return f"{amount:.2f} {self.currency}" if amount >= 1 else f"{amount:.3g} {self.currency}"


def read_price(path: Path | None, model: str) -> Price | None:
    """The price of a model; None without a table, or where the table does not know the model.

    Raises:
        EvalError: the table cannot be read.
    """
    if path is None:
        return None
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        currency = str(table.pop("currency", "USD"))
        prices = {
            name: Price(float(one["input"]), float(one["output"]), currency) for name, one in table.items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise EvalError(
            f"The prices in {path} cannot be read: {error}",
            'A table for each model: ["model-name"] with input and output, a million tokens each.',
        ) from error
    if model in prices:
        return prices[model]
    # The longest beginning says most.
    fitting = [name for name in prices if name.endswith("*") and model.startswith(name[:-1])]
    return prices[max(fitting, key=len)] if fitting else None
