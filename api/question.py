"""What counts as a question: a text of bearable length without hidden control characters."""

import unicodedata

from api.bodies import QUESTION_CHARACTERS
from api.errors import BadQuestion

_ALLOWED_CONTROLS = frozenset("\n\t")


def clean_question(text: str) -> str:
    """The question without the space around it; Windows line ends become newlines.

    Raises:
        BadQuestion: it is empty, longer than 4,000 characters, or holds a control character, a lone
            surrogate, or a character that reorders text invisibly.
    """
    question = text.replace("\r\n", "\n").strip()
    if not question:
        raise BadQuestion("The question is empty.", "Write what you would like to know.")
    if len(question) > QUESTION_CHARACTERS:
        raise BadQuestion(
            f"The question has {len(question):,} characters; {QUESTION_CHARACTERS:,} are taken.",
            "Shorten it: the tables are known already, and rows need not be pasted.",
        )
    for place, character in enumerate(question, 1):
        if _is_hidden(character):
            raise BadQuestion(
                f"Character {place} of the question is a control character (U+{ord(character):04X}).",
                "Remove it: only newline and tab are taken besides text.",
            )
    return question


def _is_hidden(character: str) -> bool:
    if character in _ALLOWED_CONTROLS:
        return False
    category = unicodedata.category(character)
    bidirectional = "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"
    return category in ("Cc", "Cs") or bidirectional
