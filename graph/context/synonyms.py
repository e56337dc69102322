"""Words that mean one thing in most databases: who asks for revenue is answered by a column of amounts.

Deliberately few and broad. They only ever make a word known, so that a question is not refused for its choice
of words; nothing is read from another column because of them.
"""

from graph.context.words import stem

_GROUPS = """
amount balance bill budget charge compensation cost earning earnings expenditure expense fare fee income money
    paid pay payment price proceeds profit revenue salary sale sales spend spending spent total turnover value
    wage worth
agent colleague employee personnel representative salesman salesperson seller staff worker
buyer client consumer customer guest purchaser shopper
maker manufacturer merchant producer retailer seller shop store supplier vendor
clinician doctor physician
drug medication medicine pharmaceutical
auto automobile car vehicle
account member subscriber user
cinema film movie
cell mobile phone telephone
female gender male man men sex woman women
age birth birthday born dob
city municipality town
address location place residence venue
buy order purchase
cuisine dish food meal
body comment content message note remark text
job occupation profession
citizen inhabitant people population resident
kilometers kms mileage miles odometer
image photo picture
instructor lecturer professor teacher
learner pupil student
business company employer enterprise firm organisation organization
article paper publication
homepage link url website
pieces qty quantity units
duration length runtime
email mail
illness disease diagnosis condition
equity instrument security share stock
deal trade transaction
"""


def _groups() -> dict[str, frozenset[str]]:
    """Each word's stem with the stems of all that may stand for it."""
    found: dict[str, frozenset[str]] = {}
    for line in _GROUPS.replace("\n    ", " ").strip().splitlines():
        group = frozenset(map(stem, line.split()))
        for root in group:
            found[root] = found.get(root, frozenset()) | group
    return found


SYNONYMS: dict[str, frozenset[str]] = _groups()
"""By stem; a word is among its own."""
