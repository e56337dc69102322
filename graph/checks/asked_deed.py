"""A deed: a question that begins with what is to be done, not with what is to be told.

"Cancel showing 57", "raise prices by 10 %", "move Smith to the depot in Leeds". Many such verbs are nouns as
well (*book titles*, *change requests*), so what follows decides.
"""

import re

from graph.context.coverage import Vocabulary
from graph.context.words import listed


def asks_for_deed(question: str, vocabulary: Vocabulary) -> bool:
    """Whether the question wants something changed, sent or arranged.

    Args:
        question: as asked, in English.
        vocabulary: the snapshot's words. A verb before a name that it does not have is a command.
    """
    begun = _BEGINNING.sub("", question, count=1)
    if _FOUND_AND_CHANGED.match(begun):
        return True
    if _READS.match(begun):
        return False
    numbered = _NUMBERED.match(begun)
    if numbered is not None and not vocabulary.names_table(numbered["verb"].lower()):
        return True
    return any(deed.match(begun) for deed in _DEEDS) or _does_to_somebody(begun, vocabulary)


def reads(question: str) -> bool:
    """Whether a question plainly asks to be told something: it begins with *how many*, *list*, *is there* or
    the like, or ends as a question does, and commands nothing on the way."""
    begun = _BEGINNING.sub("", question, count=1).strip()
    if _COMMANDS.search(begun):
        return False
    return bool(_READS.match(begun)) or begun.endswith(("?", "？"))


def _does_to_somebody(begun: str, vocabulary: Vocabulary) -> bool:
    """*Book Bella in for Thursday*: a name that the schema does not have, and no headline."""
    found = _TO_SOMEBODY.match(begun)
    if found is not None and not vocabulary.knows(found["name"].lower()):
        return _HEADLINE.fullmatch(found["name"]) is None
    whole = _NAMED_TO.match(begun)
    return whole is not None and not any(
        vocabulary.names_table(word.lower()) or _HEADLINE.fullmatch(word) for word in whole.groups()
    )


def _either(words: str) -> str:
    return "|".join(sorted(listed(words), key=lambda word: (-len(word), word)))


_ALWAYS = _either(
    """
    activate apologi[sz]e approve authori[sz]e cancel deactivate decline delete destroy demote disable
    enable enroll? erase escalate inform insert invite notify prioriti[sz]e purge reassign reimburse
    reject remove rename renew reopen reply reschedule resolve restock revoke suspend terminate unblock
    unsubscribe unsuspend wipe
    """
)
"""Hardly ever the first word of a noun: whatever follows is what the deed is done to."""
_ALSO_NOUNS = _either(
    """
    add allocate archive assign ban bill block book bump buy call change charge close contact convert
    correct create credit cut decrease discount dispatch downgrade edit e-?mail extend fire fix flag
    forward grant hire import increase invoice issue lock lower mail mark merge migrate move open pay
    phone postpone print process promote publish purchase put raise redeem reduce refund register
    relocate remind reorder replace reserve reset return schedule sell send set ship shift split start
    stop subscribe suspend swap switch tag text thank transfer unlock update upgrade upload waive
    withdraw
    """
)
_VERBS = f"{_ALWAYS}|{_ALSO_NOUNS}"
_ELSE = _either(
    """
    add ban create credit cut discount flag import issue lock open print process put return schedule
    split start stop tag
    """
)
"""Of those, which a name seldom follows but as a name of a name: *import China volumes*."""
_MEASURES = _either(
    """
    amounts? codes? counts? dates? fees? flags? frequency history numbers? policies policy rates?
    ratios? reasons? reports? requests? statistics times? totals? types? volumes?
    """
)
"""*Cancel rate*, *delete flags*, *close dates*, and *inform me about*: what is asked for, not done to."""
_HEADLINE = re.compile(rf"(?:{_MEASURES})", re.IGNORECASE)
_DONE = r"(?:sold|sent|given|paid|made|due|lent|let|belonging|going|leading|back)\b"
"""*Change tickets sent to Ann*: no change, but tickets."""
_ABOUT = "(?:about|by|from|in|me|of|per|us)"
_SHOWN = (
    "list|table|chart|graph|plot|report|summary|overview|breakdown|ranking|histogram|dashboard|query|view"
)
"""To create one of these is to show it; so it is to add a column of a result."""
_BAR = "bar|floor|cap|threshold|cut-?off|minimum|maximum|baseline|bound"
"""To set one of these is to say what counts."""
_RESULT = f"{_SHOWN}|column|row|line|total|subtotal|share|percentage|rank|average|sum|count"
_THOSE = (
    r"(?:all|every|each|both|the|an?|my|our|their|his|her|this|that|these|those|everybody|everyone|him|it|them"
    r"|another|(?!(?:19|20)\d\d\b)\d+\b(?!.*\?)|two|three|four|five|six|ten|a\s+dozen)"
)

_BEGINNING = re.compile(
    r"""^\W*(?:(?: please | kindly | now | then | ok(?:ay)?,? | (?:can|could|would|will)\s+you
        | (?:i|we)\s+(?:want|need)\s+you\s+to | go\s+ahead\s+and | let(?:'|’)?s
        | help\s+(?:me|us)\s+(?:to\s+)?
        | (?:i|we)(?:\s*['’]d|\s+would)?\s+(?:like|want|need|wish|have)\s+to )[\s,]+)*""",
    re.IGNORECASE | re.VERBOSE,
)
_READS = re.compile(
    r"""(?:and\s+|so\s+|but\s+)?(?:
        how | what | which | who | whom | whose | when | where | why | is | are | was | were | do | does | did
      | has | have | had | list | show | find | tell | count | rank | compare | compute | calculate | sort
      | group
      | pick | display | select | name | see | view | report | summari[sz]e | identify | determine | retrieve
      | fetch | output | describe | explain | plot | draw | chart | graph | search | check | break\s+down
      | look\s+(?:up|for) | work\s+out | order\s+by | get(?!\s+rid\b)
      | give(?!\s+(?:\w+\s+){1,4}to\s+(?:all|every|each|our|my)\b)
      | print(?!\s+(?:an?|invoices?|labels?|tickets?)\b)
      | return\s+(?:the|all|every|each|only|a)\s+\w+\s+(?:of|for|with|and)
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_COMMANDS = re.compile(
    r"""(?:^|[.;:!]\s*|\b(?:and|then|run|execute)\s+)(?:also\s+|then\s+|please\s+)*
        (?:delete|drop|insert|update|truncate|alter|create|grant|revoke|remove|erase|wipe|rename|replace|set)
        \s+(?!of\b|by\b|per\b)\w""",
    re.IGNORECASE | re.VERBOSE,
)

_DEEDS = tuple(
    re.compile(pattern, re.IGNORECASE | re.VERBOSE)
    for pattern in (
        rf"(?:{_ALWAYS})\s+(?!{_ABOUT}\b|(?:\w+\s+)?(?:{_MEASURES})\b|how\b|wh|duplicates\b|nulls?\b)\w",
        rf"""(?!create\b|add\b|return\b|open\b|split\b|start\b|flag\b)(?:{_VERBS})\s+{_THOSE}\b
             (?!\s+(?:\w+\s+)?(?:{_SHOWN}|{_BAR})s?\b)""",
        r"(?:book|reserve)\s+(?:an?|the|my|our|two|three)\s+(?:\w+\s+)?tables?\b",
        rf"create\s+{_THOSE}\s+(?!(?:\w+\s+){{0,2}}(?:{_SHOWN})s?\b)\w",
        rf"add\s+(?:an?|another|one|\d+)\s+(?:new\s+|further\s+|more\s+)*(?!(?:\w+\s+)?(?:{_RESULT})s?\b)\w.*",
        r"(?:order|buy|purchase|reserve|rent|hire)\s+(?:\d+|some|a\s+few)\s+(?:more|new|further|additional|of)\b",
        r"(?:send|forward|e-?mail|mail|grant|assign|give)\s+(?!me\b|us\b)(?:[\w.&'’-]+\s+){1,4}to\s+\w",
        r"(?:assign|book|call|contact|enroll?|register|remind|reserve|subscribe|transfer)\s+me\b"
        r"(?!\s+(?:how|wh\w+|of|about)\b)",
        rf"""(?:set\s+up|translate|write|compose)\s+(?:a|an|the|this|some|['"“‘])
             (?!\s*(?:\w+\s+)?(?:{_SHOWN}|sql)\b)""",
        r"(?:mark|flag|tag|label)\s+(?:[\w.&'’#-]+\s+){1,8}as\s+(?!of\b|a\s+(?:percent|share|list|table))\w"
        r"(?!.*\band\s+(?:then\s+)?(?:show|give|count|list|tell|tally|sum|compare)\b)",
        rf"""(?:raise|lower|increase|decrease|reduce|cut|discount|bump)\s+(?!{_ABOUT}\b|(?:{_MEASURES})\b)
             (?:[\w'’-]+\s+){{1,6}}(?:by|to)\s+(?!(?:19|20)\d\d\b)
             (?:\d|(?:an?|one|two|five|ten|half|zero)\b)""",
        rf"""(?:set|change|update|switch|move|transfer|convert|promote|upgrade|downgrade|extend|postpone|shift
             |migrate|relocate|put|rename|swap|add)\s+(?!{_ABOUT}\b|(?:{_MEASURES})\b)
             (?:(?!\w+ed\b|{_DONE})[\w.'’&\#-]+\s+){{1,8}}?
             (?:to|into|onto|until)\s+(?!(?:the\s+)?(?:{_RESULT}|result|output)\b)[\w'"“‘]""",
        # A second command of the same breath: "close showing of friday and refund everybody".
        rf"""(?:{_VERBS})\b(?!.*\b(?:who|which|that|whose)\b.*\band\b).*\b(?:and|then)\s+(?:also\s+|then\s+)?
             (?:{_VERBS})\s+(?:{_THOSE})\b(?!.*\?)""",
    )
)
_NUMBERED = re.compile(
    rf"""(?!(?:return|open)\b)(?P<verb>{_VERBS})\s+(?!(?:{_MEASURES})\b)[a-z]+\s+
         (?:no\.?\s*|number\s+|id\s+|\#\s*)? (?!(?:19|20)\d\d\b)\d+\b
         (?=\s*(?:$|[.!,;]|(?:and|to|for|as|from|on|at|with|by|until|because|since)\b))
         (?!.*\?)""",
    re.IGNORECASE | re.VERBOSE,
)
"""*Close ticket 12*; a year is a time, and where the verb is a table, it is a noun: *call centre 3*."""
_FOUND_AND_CHANGED = re.compile(
    rf"(?:find|look\s+up|take|pick|choose|get)\s(?!.*\b(?:who|which|that|whose)\b).*"
    rf"\b(?:and|then)\s+(?:then\s+)?(?:{_VERBS})\s+(?:it|them|him|her|everybody|everyone)\b(?!.*\?)",
    re.IGNORECASE,
)
_NAMED_TO = re.compile(
    rf"""(?!(?i:{_ELSE})\b)(?i:{_VERBS})\s+(?P<first>[A-Z][a-z]+)\s+(?P<last>[A-Z][a-z]+)\s+
        (?:as|for|from|in|into|off|on|onto|out\s+of|to|with)\s(?!.*\?)""",
    re.VERBOSE,
)
"""*Withdraw Ann Lee from the open*: a whole name; "Refund Requests for May" is a headline."""
_TO_SOMEBODY = re.compile(rf"(?!(?i:{_ELSE})\b)(?i:{_VERBS})\s+(?P<name>[A-Z][a-z]+)(?:['’]s)?\s+[a-z]")
"""A command whose verb does something to somebody or something; "email domains by country" is none."""
