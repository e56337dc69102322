"""Turns of phrase whose nouns are no things of a database: *at the moment*, *on the books*, *by far*.

A word of such a phrase is never missing. One that the schema has is found as ever: in a library *on the
books* may be about books.
"""

import re

from graph.context.words import words

_AFTER = {
    "above|across": "board",
    "ahead of|behind": "bars curve game pack rest scenes schedule time times",
    "along": "line lines road way",
    "around|round": "clock corner turn",
    "as": """
        consequence course fact function item last matter percentage precaution proportion result rule
        share start unit usual whole
        """,
    "at": """
        best blush bottom clip close cost costs day days discretion ease end estimate expense first foot
        front glance guess hand head heart height instant interval intervals issue juncture large last
        least length level loss minute moment notice odds opportunity outset pace peak pinch point
        present push random rate ready risk sight sitting speed stage stake start stretch stroke thick
        tilt time top will worst
        """,
    "beyond|past": "doubt measure question",
    "by": """
        accident account accounts bit breadth bulk chance comparison contrast default definition degrees
        design dint distance far hand luck margin mark means measure mile miles mistake nature reason
        rights standard standards stretch token trade turns virtue way yardstick
        """,
    "for": """
        bit certain change duration effect ever example fear free good instance lack long moment now
        part practice present purpose purposes real reason reasons record sake spell start time want
        while
        """,
    "from": """
        angle beginning day distance moment now off outset perspective scratch standpoint start time
        today top view viewpoint
        """,
    "in": """
        absence addition advance aggregate analysis aspect ballpark beginning blink breath brief bulk
        case cases close combination common comparison comparisons conclusion conjunction connection
        context contrast count course day days depth detail doubt droves earnest effect end entirety
        essence event evidence excess experience eye eyes fact favor favour figures flash flesh form
        front full future general go grip half hand hindsight hurry instance instances interim interval
        intervals isolation jiffy lead length lieu lifetime light line long lump main manner matter
        meantime meanwhile memory middle mind minute moment name nature need neighborhood neighbourhood
        nick no number numbers nutshell opinion order parallel part particular pass past period person
        picture place point possession practice principle process proportion question range reality
        recent reference regard regards relation respect respects retrospect reverse round row rows run
        rush scale scheme sense sequence shape short sight single sitting space spirit spite stage
        standing step substance succession sum summary swoop tandem term terms theory thick time times
        trouble truth turn twinkling use vain vicinity view wake way ways while word words works
        """,
    "of": """
        accord age ages box choice course curiosity date day doubt interest kind late magnitude
        necessity note old order range reach sight sort sorts time times use volition whole
        """,
    "off": "bat books cuff peg rails record scale",
    "on": """
        account average back balance basis behalf board book books brink call cards case course decline
        decrease dot edge eve face file fly foot footing front go grounds hand heels hold increase line
        list mend move notice occasion occasions offer order page paper par part payroll point principle
        purpose record records rise roll rolls scale scene schedule side spot spur strength subject
        table tap target terms time top track trot verge watch way whim whole
        """,
    "out of|outside": """
        blue bounds box curiosity date ears hand line nowhere order ordinary place reach sight sync way
        """,
    "over|during|through|throughout|within": """
        course duration haul life lifetime occasion period reach reason run space span stretch term time
        times while years
        """,
    "per": "annum capita cent diem head mille se",
    "since": "beginning day inception start time",
    "to": """
        avail begin boot date degree effect end exact extent fault hand knowledge large last latest
        letter limit measure mind minute moment nearest point precise purpose scale sense speak start
        tune
        """,
    "under|below": """
        assumption belt circumstances conditions control cover hood impression par pressure radar
        scrutiny umbrella wraps
        """,
    "until|till|up to|up": """
        date end here moment notice now par point present scratch speed standard then
        """,
    "with|without": """
        ado aim aplomb benefit break colors colours delay difference doubt ease effect end exception
        exceptions eye fail hindsight hitch intent interruption luck notice pause purpose
        question regard regards relation respect strings thought time view
        """,
}
"""Nouns and the like by the prepositions after which they are no things; of some a schema has tables, so that
each stands only where it is idle: *in the event*, but no *number of events*."""

_BETWEEN = """
a all an any bad bare be best big biggest blue certain clear close closer current daily different due each
earliest early either end every fair few fifth final first fixed flying following full fullest further
general given good great growing hair happy high his hourly huge human immediate its large larger last
latest least lesser little living long longer loose low main medium modern monthly more most my natural near
nearest new next no normal old olden one other our own par particular past poor present previous quarterly
quick rapid recent regular right rough round running same second several short shorter single slightest slim
small so some steady such than that the their these third this those three top two unbroken usual very
weekly what whatever which whole wide without world year yearly your
"""
_MOST_BETWEEN = 4
"""Words between preposition and noun: *at this very early stage*."""

_PHRASES = r"""
a (?:little|tad|touch|bit|great deal|good deal) \w+er
(?:a |the )?fair (?:share|bit|amount|number)(?: of| \w+er)?
above all | ad hoc | after all | again and again | all in all | all (?:told|at once|along|round|around|over)
(?:any|some|one|no) (?:shape|way|sort|kind|form) or (?:form|another|(?:the )?other)
as (?:far|long|soon|good|luck) as | as it (?:were|stands|happens) | as opposed to
as the (?:crow flies|case may be) | as (?:things|matters) (?:stand|are|go)
(?:a|the) (?:couple|bunch|handful|bit|load|ton|heap|fraction|host|string|range|wealth|host|series) of
back to back | ballpark(?: figure)? | bar none | benefit of the doubt | better part of
bit (?:earlier|later) | (?:blink|twinkling) of an eye | bring\w* up the rear | by and large | by heart
close of business | cream of the crop | day (?:in|by|after) day(?: out)? | down to (?:the|its|their) last
dribs and drabs | drop of a hat | (?:each|every) (?:now and (?:then|again)|so often)
en (?:masse|bloc|route) | end of the stick | far (?:and away|from|more|less|fewer|better|too|above|below)
fell swoop | few and far between | first of all | fits and starts | for all (?:intents|practical|i know)
for crying out loud | for what it s? ?(?:is )?worth | from (?:beginning|start) to (?:end|finish)
from (?:day one|the word go|top to bottom|end to end|time to time) | (?:get|gets|got|getting) rid of
(?:an?|the|some) (?:idea|feel|feeling|sense|picture|gist) (?:of|for)
give or take | grand scheme of things | hand in hand | (?:hard|easy|usual|same|old) way
(?:have|has|had|bear|bearing|keep|keeping|kept|with) \w* ?in mind | head to head | heads up
if (?:at all|need be|ever) | in case of | intervening | just in case
keep\w* (?:track|an eye|tabs|pace)(?: of| on| with)? | kind of | leaps and bounds | least of all
like (?:clockwork|for like|so|mad|crazy) | like flies | lion s share
(?:lots|loads|heaps|tons|plenty|dozens|scores|masses|piles) of | loud and clear | make (?:sense|do)(?: of)?
(?:make|makes|making|made) up the (?:bulk|majority|rest|numbers?|lion s share)
matter of (?:seconds|minutes|hours|days|weeks|months|years)
matters? of (?:fact|course|interest|urgency|taste) | more or less | most of all | neck and neck
needless to say | no (?:matter|wonder|doubt|longer|end|question|sooner) | now and (?:then|again)
odd (?:one|ones|man) out | odds and ends | off the top of (?:my|your|our|one s) head
on an? (?:\w+ ){1,3}basis | on the (?:one|other) hand | on the planet
once (?:and for all|in a (?:while|blue moon)|upon a time|more|again)
one (?:by|after|at a) (?:one|time|another) | one way or
(?:other|wrong|right|opposite) way (?:round|around|about) | out of (?:curiosity|interest)
over and (?:over|above) | (?:play|plays|played|playing) an? (?:\w+ )?(?:role|part)
point of (?:view|fact|order) | (?:pull|pulls|pulling|pulled) (?:their|its|his|her) weight
(?:put|putting) (?:it|that|this) \w+ | (?:quick|simple|silly|last|one more) question | rank and file
reason or other | regardless of | rule of thumb | sake of(?: argument| clarity| completeness| simplicity)?
second to none | short of | side by side | so (?:on|to speak) | (?:so|how|too|thus|by) far | sort of
stage of the game | (?:stand|stands|stood|stick|sticks|stuck) out(?: like a sore thumb| from the crowd)?
stay\w* the course | step by step | sum up | take place
(?:take|takes|took|taking|taken) (?:the (?:cake|lead|crown)|stock|account) | thank you(?: \w+ much)?
thanks | the best of(?: my| our| your)?(?: knowledge| memory| ability)?
the (?:bulk|majority|lot|rest|likes|heck|hell|odds|pick) of | time (?:and|after) (?:time|again)
tip of the iceberg
(?:top|bottom|head|foot|front|back|tail|middle) of the (?:heap|list|pile|pack|class|league|line|queue|table)
turn of the (?:year|century|millennium|month|decade) | under the sun | under way | up and running
up (?:our|their|its) sleeve | vice versa | what(?:ever)? it (?:takes|is) worth?
when it (?:comes|boils) (?:down )?to | whole (?:time|lot) | (?:\w+ly) speaking | word for word
(?:year|month|week|quarter|day) (?:on|over|by|to|after) (?:year|month|week|quarter|day|date)
"""
"""Whole phrases, as patterns over words in lower case with one space between them."""

_SINGLE = """
alas altogether anyhow anymore anytime anywhere apiece beforehand elsewhere everywhere forthwith hence
henceforth hereby hitherto indeed insofar instantly lately likewise maybe meantime meanwhile moreover namely
nevertheless nonetheless nowadays nowhere onwards others otherwise overnight perhaps regardless respectively
somehow somewhat somewhere soon sooner straightaway thereafter thereby therefore thereof thrice throughout
thus twice unless upfront upon whatever whatsoever whenever whereas wherever whichever whilst whoever
"""


def idle_words(question: str) -> frozenset[str]:
    """The words of a question that stand in such phrases only, folded.

    Args:
        question: as asked, in English.
    """
    said = words(question)
    text = " ".join(said)
    # "As a matter of fact" is one phrase within another, so each kind is looked for by itself.
    spans = [found.span() for idiom in (_FRAMED, _WHOLE) for found in idiom.finditer(text)]
    other: set[str] = set()
    place = 0
    for word in said:
        if not any(start <= place < end for start, end in spans):
            other.add(word)
        place += len(word) + 1
    return frozenset(said) - other


def _alternatives(text: str) -> str:
    return "|".join(text.split())


def _framed() -> str:
    between = rf"(?:(?:{_alternatives(_BETWEEN)}) ){{0,{_MOST_BETWEEN}}}"
    return "|".join(f"(?:{before}) {between}(?:{_alternatives(nouns)})" for before, nouns in _AFTER.items())


def _whole() -> str:
    lines = _PHRASES.strip().splitlines()
    phrases = [phrase.strip() for line in lines for phrase in line.split(" | ")]
    return "|".join([*phrases, *_SINGLE.split()])


_FRAMED = re.compile(rf"\b(?:{_framed()})\b")
_WHOLE = re.compile(rf"\b(?:{_whole()})\b")
