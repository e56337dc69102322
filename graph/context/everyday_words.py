"""Words that people who ask have of their own and no schema needs: *uptake*, *folks*, *decent*, *rack up*.

Unlike a word of counting, one that the schema has is found as ever: a table ``churn`` is about churn. One
that it does not have is never missing.
"""

from graph.context.words import stem, words

_MEASURES = """
abandonment activity ageing aging aov arpu arr attendance attrition backlog balance bang basket benchmark
bounce bound breach buck bucket burden chart choice churn closer cohort coverage csat curve cut cycle
dashboard dropoff dso effort escalation fallout figure footfall frequency fulfillment fulfilment funnel gap
headcount index inflow influx intake intensity kpi lag leaderboard leadership level lifespan lifetime
likelihood line lineup lowdown loyalty makeup margin markdown markup measure metric mileage mix mom momentum
mrr mtd nps occupancy occurrence outflow outlay output overlap overtime pace payout peak penetration
performance pickup pipeline position productivity profitability progress promptness punctuality qoq rack
reach recap receivable recency reliability repeat replacement resolution retention roundup rundown running
scorecard seasonality severity shape shortfall size skew sla slate slice slot span spare speed spike splash
split spread standing state statistic stats stickiness strength stretch success sum summary surge surplus
swing takeaway takeup taking tally tempo tendency tenure throughput tier timeline timeliness timing traffic
trajectory trouble turnaround turnout turnover upkeep uplift uptake upturn usage utilisation utilization
variance variation variety velocity vintage volatility wait wallet winback workload yield yoy ytd
"""
"""What is worked out, and how something goes."""

_FOLK = """
attendee beginner bloke boffin buddy buff bunch chap colleague crowd expert fan fellow folk gal gang gent
guy hand joiner kid lad leaver lot mate newbie newcomer newcomers nobody none nothing performer regular
rookie soul stakeholder starter top underperformer veteran
"""
"""Whoever does something, without saying who."""
_ITEMS = """
aspect batch bundle chunk element entry feature installment instalment instance matter occasion
occurrence piece point rest sort spot stuff trace unit
"""
"""Things in general."""

_QUALITIES = """
abnormal above absent acceptable accurate additional adequate advanced appropriate approximate average bare
basic billion blank brief bright broad busy calm careful clean close complex concentrated consistent
convenient correct costly crowded dear decent different difficult distant dormant double dry
due dull eager easy eight eighth elevated eleven eligible empty especial essential even exact excellent
exceptional excess extensive extra extreme fair familiar favorite favourite fifteen fifth fifty
finished firm first five flat former forty four fourth fresh frugal genuine gradual gross handy hard harsh
hefty honest huge hundred hundredth idle ill immediate impressive inactive inexpensive
initial internal joint keen lagging lapsed lazy leading lean light likely little live lively local lone long
loose loyal lucky lucrative main major mature meaningful mere mighty mild million minimal minor missing
mixed moderate modest narrow nearby neat net nice nil nine ninth noisy nonstop normal notable obvious odd
off on once ongoing opening opposite ordinary original outstanding own parallel peak peculiar perfect
permanent plain pleasant poor potent precise present pricey prime principal prolific prominent proper proud
punctual quick quiet rapid rare rated ready reasonable reliable remarkable rich rising rough safe seasoned
second self senior sensible separate serious seven seventh severe sharp sheer short significant single six
sixth slack slight slow smooth snappy solid spacious stable stale standard standing standout stark steady
sticky stiff straight strange strict strong stubborn substantial sudden sufficient suitable superb sure
surplus swift temporary tenth term terrible third thirty thousand tidy tight time tiny top
tough tricky triple true twelfth twelve twenty unsold unusual upcoming urgent useful usual vacant valid
valuable varied vast vital weak weird wide widespread wise worthwhile
"""
"""How something is, and how many."""

_COMPARED = """
afterwards behind brighter broader busier cleaner commoner considerable costlier darker dearer denser earlier
easier emptier enormous faster finer fitter fresher friendlier fuller further greener happier harder healthier
later leaner lengthier lengthy lesser looser luckier majority massive meanwhile middle midpoint minority newer
nicer noisier older outlast outlive outnumber outright overtake overtook plurality poorer precede preceding
pricier prior prompter quadruple quicker quieter rarer richer rougher safer scarcer sharper slower smarter
smoother softer sooner sparser stricter stronger subsequent succeeding tardier tenfold thereafter thrice tied
threefold tighter twice upper weaker worth
"""
"""How one thing is beside another, and when. What is measured in one way only is kindred to that: a player
is younger where there is a day of birth."""

_DEEDS = """
adjust admit adopt adore afford agree aim allow amass amount approach argue arise arisen arose arrive ask
ate attain attract await bag balance beat become bet bind boast bore borne bound break broke broken cast
catch caught celebrate chase check claw close collapse collect come compile comply concern condense
confirm consolidate consume convert cost count crunch cut dash dealt decide decline deem delve depend dig
discover dislike dispatch divide double draw drawn drew drive driven drop drove dug dwell eat eaten emerge
encounter enjoy ensure evaluate examine expand extract fall fallen feel felt fetch fight figure fill finish
fit flag flatten flew flown fluctuate flunk focus forgo fought frequent front fuel gather gauge gobble gone
grab grade grown guarantee hang haul haven hear heard hit hover hung inform inspect invest itemise itemize
jot judge jump keep knock lag laid lain land lapse lay lift linger log lump manage measure merge miss mount
move multiply net notch notice observe omit owe pan peak phase pick picked pile pinpoint plan plateau plot
plough plow plummet point pop post postpone pour prefer prepare proceed prove pull push quit raise ramp
react realise realize recall recap reckon recover reflect remind replace retain retrieve revisit rid ridden
rise risen rode rose rotate rustle sack sank saw scan score scrape seem sell separate settle shake shape
share shed shift shook shown shrank shrink shrunk shut signal sink sketch skip slash slide slip soar sold
sort split spot spread spun stack stall steal step stick stock stole stood stopped strike strip struck stuck
sum summarise summarize surge surpass swallow sweep swell swing switch tabulate tackle tail tally tap tend
threw throw thrown tie top tot total touch trace track trail trend trigger trim trust tune turn uncover
understand understood undertake unearth update upset visualise visualize wait wane warrant waste watch weigh
wipe withdraw worry yield zoom
"""
"""What is done to figures, what figures do, and the irregular forms of common verbs."""
_TIMES = """
advent ago ahead autumn bimonthly christmas dawn day daybreak daytime decade diwali dusk easter era eve
evenings fiscal fortnight fortnightly h1 h2 halfway halloween hanukkah hourly intraday lately lifelong
lunchtime midday midweek midyear mornings new nightly noontime nowadays overnight peak quarter
ramadan runup semester soon spring sprint summer sunrise sunset teatime thanksgiving till tonight upcoming
weekdays weekend winter xmas year yearend yearlong
"""
"""Parts of time that no schema spells out."""

_PARTS = (_MEASURES, _FOLK, _ITEMS, _QUALITIES, _COMPARED, _DEEDS, _TIMES)
EVERYDAY_WORDS: frozenset[str] = frozenset(stem(word) for part in _PARTS for word in words(part))
"""By stem."""

_KINDRED = """
fleet van truck lorry car vehicle
lane route round tour leg path journey
drop delivery handover dropoff
parcel piece item goods consignment load
payout settlement compensation claim paid
author scholar scientist researcher academic writer coauthor
university college institute institution school organization faculty
theme topic subject keyword keyphrase field domain discipline area
metropolis city town place
stream waterway river brook creek
neighbour neighbor border adjacent
module class course lecture subject seminar
joint eatery diner bistro restaurant cafe spot place venue establishment business outlet
hint tip
kitchen cuisine food
layover stopover stop connection change
jumbo jet airliner aircraft airplane
airfield airport aerodrome
nonstop stops
carrier airline
takeoff departure flight
cab taxi limousine limo transport
passenger capacity seat
loaves pastry cake bread loaf bake treat
kid child student pupil undergraduate freshman
undergraduate student
admission attendance audience crowd viewer visitor ticket seat
matinee screening show showing performance
picture flick movie film title
takings gross till sale revenue
customer patron guest diner
shipper sender customer
debtor customer invoice
receivable invoice due
crew driver
inhabitant soul population
dwelling urban
crowded density population
height tall taller altitude elevation
heavy heavier lighter weight kg kilogram gram mass
young younger elder aged underage adult minor age birth birthday birthdate born dob
hot hotter cold colder warm warmer cool cooler temperature temp celsius degrees
deep deeper shallow shallower depth
wide wider broad narrow narrower width
thick thicker thin thinner thickness
steeper steep slope gradient
wetter drier rain rainfall moisture humidity
far farther near nearer distance km kilometer kilometre mile
fast speed pace velocity duration minutes seconds
contact phone email telephone mobile address
plate registration licence
peak summit mountain
body water lake sea river
sick sickness ill absence
repair upkeep maintenance service
leaver left
joiner newcomer hired joined
thumb like
write-up writeup review
verdict review rating
workshop repair
owe debt invoice due outstanding
volume parcel shipment sale order trade
cash money payment amount paid
centre center
catalogue catalog product film
ticket fare
fly flight flown
duty shift roster
reason comment note remark explanation
menu product dish
press critic critics
courier driver
snack meal
prospect customer
breakage damage
kilo kg kilogram
complain complaint claim ticket
unpaid paid
critic review
quality rating
freshmen freshman
retake repeat
freelancer self driver
theatre theater cinema
grievance complaint claim ticket
wagon van vehicle lorry
penalty surcharge fee fine
receipts takings sale payment revenue
salespeople salesperson rep employee
churn cancelled left ended
licence license licensed
homework assignment
dinner eat food meal
"""


def _kindred() -> dict[str, frozenset[str]]:
    """Each word's stem with the stems of all that may stand for it."""
    found: dict[str, frozenset[str]] = {}
    for line in _KINDRED.strip().splitlines():
        group = frozenset(map(stem, line.split()))
        for root in group:
            found[root] = found.get(root, frozenset()) | group
    return found


KINDRED: dict[str, frozenset[str]] = _kindred()
"""Words of the trade for one another, by stem: enough that a question is not refused for them, too loose for
reading one as the other, which is what ``SYNONYMS`` are for."""
