"""The follow-up rewritten so that it stands alone: "And in France?" after "How many customers are in Spain?".

Where the question before settles it, code spells it out (``graph/context/follow_up.py``). Else the model
writes it, and code holds it to what was said: a rewritten question may use no word, number or name that
neither the earlier questions nor the follow-up have, and must keep the follow-up's own. Else the question
stays as it was asked, with the earlier turns beside it.
"""

import re

from graph.context.follow_up import spelled_out
from graph.context.words import GENERAL_WORDS, QUERY_WORDS, RELATION_WORDS, STOP_WORDS, stem, words
from graph.errors import ModelError
from graph.model import Reply
from graph.nodes.work import Work
from graph.record import Turn
from graph.state import State
from prompts import frame, render

SHOWN_TURNS = 3
MAX_TOKENS = 80
MAX_CHARACTERS = 600
_LEANS = re.compile(
    r"^\W*(?:and|or|but|also|then|now|only|just|what\s+about|how\s+about|same|sort|order|group|break|split|"
    r"instead|und|oder|aber|nur|jetzt|et|ou|mais|seulement|y|o|pero|solo|sólo|e|ma|soltanto)\b|"
    r"\b(?:it|they|them|their|theirs|those|these|he|she|same|previous|former|latter|instead|again)\b|"
    r"\b(?:this|that|ones?|above)\s*(?:[?.!,]|$)|(?<!\bare\s)(?<!\bis\s)\bthere\s*(?:[?.!,]|$)|\b(?:davon|diese[nrs]?|dort|ceux|celles|eux|ellos|ellas|esos|estos|loro)\b",
    re.IGNORECASE,
)
_OF_THEM = re.compile(r"\bof\s+(?:them|these|those)\b", re.IGNORECASE)
"""What is asked of those before keeps all their conditions."""
_SHORT = 4
"""Words up to which a question that follows another is taken to lean on it."""
_COMMON = STOP_WORDS | QUERY_WORDS | GENERAL_WORDS | RELATION_WORDS


async def standalone_question(state: State, work: Work) -> str | None:
    """The question spelled out or rewritten; None when it stands alone, or no sound rewriting came."""
    question = state["question"]
    if not state["history"] or "standalone_question" in work.ports.settings.without or not leans(question):
        return None
    turns = state["history"][-SHOWN_TURNS:]
    before = turns[-1].question
    if "spelled_out" not in work.ports.settings.without and (len(turns) == 1 or not leans(before)):
        said = spelled_out(question, before)
        if said is not None:
            return said
    prompt = render(
        "standalone",
        earlier=frame("earlier", "\n".join(turn.question for turn in turns)),
        question=frame("question", question),
    )
    reply = Reply(
        work.ports.model, prompt, max_tokens=MAX_TOKENS, seconds=work.ports.settings.model_seconds,
        name="standalone.model", stop=["\n"],
    )  # fmt: skip
    try:
        written = (await reply.text()).strip().strip("\"'`").strip()
    except ModelError:
        return None
    finally:
        work.usage = work.usage.plus(reply.usage)
    return written if is_sound(written, question, turns) else None


def leans(question: str) -> bool:
    """Whether the question may need those before it to be understood."""
    return bool(_LEANS.search(question)) or len(words(question)) <= _SHORT


def is_sound(written: str, question: str, turns: list[Turn]) -> bool:
    """Whether a rewriting says only what was said, and all that the follow-up says."""
    if not written or len(written) > MAX_CHARACTERS or written.casefold() == question.casefold():
        return False
    said = {stem(word) for turn in turns for word in words(turn.question)}
    own = {stem(word) for word in words(question)}
    common = {stem(word) for word in _COMMON}
    new = {stem(word) for word in words(written)}
    if _OF_THEM.search(question) and not {stem(word) for word in words(turns[-1].question)} <= common | new:
        return False
    return new - said - own <= common and own - new <= common | {stem(word) for word in _LEANING}


_LEANING = frozenset("what about one ones please now only just instead same again break down".split())  # noqa: SIM905
"""Words by which a follow-up leans on what was before; a question that stands alone needs none of them."""
