"""The company's people: departments, offices, who works there, who did, pay and time off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random

from embedded.demo import vocabulary as words
from embedded.demo.chance import USUAL, Calendar, Shape, Wheel, about, iso, money, pick, stream, weekdays

Row = tuple[object, ...]

DEPARTMENT_IDS = {name: number for number, name in enumerate(words.DEPARTMENTS, 1)}
YEARS_OF_HIRING = 9
REVIEW_MONTH = 4
REMOTE_SHARE = 0.17
SPAN_OF_CONTROL = 9
"""People who report to one leader, about."""

MAIL_HOSTS = ("example.com", "example.org", "example.net")


@dataclass
class Person:
    """Somebody who works, or worked, for the company. ``hired`` and ``left`` are day ordinals."""

    department: str
    title: str
    hired: int
    first_name: str
    last_name: str
    left: int | None = None
    employee_id: int = 0
    manager_id: int | None = None


@dataclass(frozen=True)
class Staff:
    """Everybody, numbered in the order in which they came."""

    current: list[Person]
    former: list[Person]

    def ids(self, *titles: str) -> list[int]:
        """Who has one of these titles today."""
        return [person.employee_id for person in self.current if person.title in titles]


def make_staff(calendar: Calendar, seed: int, shape: Shape = USUAL) -> Staff:
    """Hire the company."""
    rng = stream(seed, "staff")
    titles = {department: Wheel(mix) for department, mix in words.TITLES.items()}
    everybody = [_hire(rng, calendar, "Executive", title, early=True) for title in words.EXECUTIVES]
    for department, typical in words.HEADCOUNT.items():
        headcount = max(1, round(typical * shape.people * rng.uniform(0.9, 1.12)))
        everybody += [
            _hire(rng, calendar, department, titles[department].spin(rng)) for _ in range(headcount)
        ]
        for _ in range(max(1, round(headcount / SPAN_OF_CONTROL))):
            everybody.append(_hire(rng, calendar, *words.LEADERS[department], early=True))
    gone = Wheel((person.department, 1.0) for person in everybody if person.department != "Executive")
    for _ in range(round(len(everybody) * 0.4)):
        department = gone.spin(rng)
        person = _hire(rng, calendar, department, titles[department].spin(rng))
        stayed = 60 + int(rng.expovariate(1 / 620))
        if person.hired + stayed < calendar.last and person.hired + stayed >= calendar.first:
            person.left = person.hired + stayed
            everybody.append(person)
    everybody.sort(key=lambda person: person.hired)
    for number, person in enumerate(everybody, 1):
        person.employee_id = number
    staff = Staff(
        [person for person in everybody if person.left is None],
        [person for person in everybody if person.left is not None],
    )
    _report(rng, staff)
    return staff


def people_tables(staff: Staff, calendar: Calendar, seed: int) -> Iterator[tuple[str, list[Row]]]:
    """The rows of every table in the schema people, in the order of their columns."""
    rng = stream(seed, "people")
    yield (
        "people.departments",
        [(number, name, f"CC-{100 + 10 * number}") for name, number in DEPARTMENT_IDS.items()],
    )
    yield (
        "people.offices",
        [
            (number, city, country, iso(date(calendar.today.year - 10 + number, 3, 1).toordinal()))
            for number, (city, country, _) in enumerate(words.OFFICES, 1)
        ],
    )
    offices = Wheel((number, share) for number, (_, _, share) in enumerate(words.OFFICES, 1))
    yield (
        "people.employees",
        [
            (
                person.employee_id,
                person.first_name,
                person.last_name,
                person.title,
                DEPARTMENT_IDS[person.department],
                None if rng.random() < REMOTE_SHARE else offices.spin(rng),
                person.manager_id,
                iso(person.hired),
                iso(person.hired - int(rng.uniform(22, 52) * 365.25)),
                f"{rng.randrange(100, 1000)}-{rng.randrange(10, 100)}-{rng.randrange(1000, 10_000)}",
                _mail(rng, person) if rng.random() < 0.93 else None,
            )
            for person in staff.current
        ],
    )
    reasons = Wheel((("resigned", 72), ("dismissed", 12), ("contract_ended", 11), ("retired", 5)))
    yield (
        "people.former_employees",
        [
            (
                person.employee_id,
                person.first_name,
                person.last_name,
                person.title,
                DEPARTMENT_IDS[person.department],
                iso(person.hired),
                iso(person.left or calendar.last),
                reasons.spin(rng),
            )
            for person in staff.former
        ],
    )
    yield "people.salary_history", list(_salaries(staff, calendar, stream(seed, "salaries")))
    yield "people.leave_requests", list(_leave(staff, calendar, stream(seed, "leave")))


def _hire(rng: Random, calendar: Calendar, department: str, title: str, early: bool = False) -> Person:
    # A company that grows has hired most of its people lately; those who lead came first.
    past = rng.random() ** (0.9 if early else 1.7)
    hired = calendar.last - 7 - int(past * YEARS_OF_HIRING * 365)
    hired -= max(0, (hired - 1) % 7 - 4)
    return Person(department, title, hired, pick(rng, words.FIRST_NAMES), pick(rng, words.LAST_NAMES))


def _report(rng: Random, staff: Staff) -> None:
    by_title: dict[str, list[int]] = defaultdict(list)
    for person in staff.current:
        by_title[person.title].append(person.employee_id)
    chief = by_title["Chief Executive Officer"][0]
    for person in staff.current:
        if person.employee_id == chief:
            continue
        if person.department == "Executive":
            person.manager_id = chief
        elif person.title in words.REPORTS_TO:
            person.manager_id = by_title[words.REPORTS_TO[person.title]][0]
        else:
            person.manager_id = pick(rng, by_title[words.LEADERS[person.department][1]])


def _mail(rng: Random, person: Person) -> str:
    name = f"{person.first_name}.{person.last_name}".lower().translate(str.maketrans("äöüéëß", "aoueës"))
    return f"{name.encode('ascii', 'ignore').decode()}{rng.randrange(1, 100)}@{pick(rng, MAIL_HOSTS)}"


def _salaries(staff: Staff, calendar: Calendar, rng: Random) -> Iterator[Row]:
    number = 0
    for person in staff.current:
        level = 1.28 if "Senior" in person.title or person.title in words.REPORTS_TO else 1.0
        level = 1.6 if "Staff" in person.title else level
        salary = words.SALARIES[person.department] * level * rng.gauss(1, 0.11)
        for day, reason in _reviews(person, calendar):
            if reason != "hired":
                promoted = rng.random() < 0.12
                reason = "promotion" if promoted else reason
                salary *= rng.uniform(1.08, 1.16) if promoted else rng.uniform(1.015, 1.055)
            number += 1
            yield number, person.employee_id, iso(day), money(round(salary / 100) * 10_000), reason


def _reviews(person: Person, calendar: Calendar) -> Iterator[tuple[int, str]]:
    yield person.hired, "hired"
    for year in range(date.fromordinal(person.hired).year, calendar.today.year + 1):
        review = date(year, REVIEW_MONTH, 1).toordinal()
        if person.hired + 180 < review <= calendar.last:
            yield review, "annual_review"


def _leave(staff: Staff, calendar: Calendar, rng: Random) -> Iterator[Row]:
    requests: list[tuple[int, int, int, str]] = []
    for person in staff.current:
        start = max(person.hired + 30, calendar.first)
        years = (calendar.last - start) / 365.25
        if years <= 0:
            continue
        for kind, each_year, longest in (("vacation", 3.8, 12), ("sick", 1.7, 4), ("unpaid", 0.06, 20)):
            for _ in range(about(rng, each_year * years)):
                # Vacations are asked for ahead: some begin after today.
                ahead = 90 if kind == "vacation" else 0
                first = start + int(rng.random() * (calendar.last + ahead - start))
                requests.append((first, person.employee_id, first + int(rng.random() * longest), kind))
        if rng.random() < 0.05 * years:
            first = start + int(rng.random() * (calendar.last - start))
            requests.append((first, person.employee_id, first + rng.randrange(28, 180), "parental"))
    past = Wheel((("approved", 90), ("rejected", 4), ("cancelled", 6)))
    ahead_of_us = Wheel((("approved", 60), ("requested", 36), ("cancelled", 4)))
    requests.sort()
    number = 0
    for first, employee_id, last, kind in requests:
        days = weekdays(first, last)
        if days == 0:
            continue
        number += 1
        status = (past if first <= calendar.last else ahead_of_us).spin(rng)
        status = "approved" if kind == "sick" else status
        yield number, employee_id, kind, status, iso(first), iso(last), days
