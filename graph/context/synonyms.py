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
bill invoice receipt
animal pet
client customer guest owner patron
booking reservation
cargo consignment freight package parcel shipment
carrier courier forwarder haulier shipper transporter
box carton container crate pallet
contract membership plan subscription
appointment checkin consultation session visit
complaint claim issue case incident problem ticket
fault defect failure breakdown
garage maintenance repair service workshop
branch depot facility location office outlet premise site store studio
trip journey ride tour voyage
hotel accommodation lodging property room
house home cottage flat apartment property building dwelling
landlord host owner
boat ship vessel
lorry truck van vehicle
driver chauffeur
discount rebate reduction
tax vat duty
stock inventory
warehouse storehouse depot
coach instructor trainer
lesson class course session training
boss manager supervisor
wage pay payroll salary
shift rota roster
holiday leave vacation absence
review rating feedback score stars
device machine equipment appliance
debt owed outstanding arrears overdue
quote quotation offer estimate
lead prospect opportunity
vote ballot
exam test assessment
grade mark score
song track recording
band artist musician performer singer
match game fixture
club team squad
trial study
deceased dead died death
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
