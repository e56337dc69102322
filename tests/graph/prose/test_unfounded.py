"""A sentence may say what the result says, and nothing else."""

import pytest

from graph.prose import unfounded
from wire.outcome import ResultColumn, Rows


def result(columns, *cells, count=None, truncated=None):
    named = [part.split(":") for part in columns.split()]
    return Rows(
        columns=[ResultColumn(name=name, type=TYPES[kind]) for name, kind in named],
        preview=[list(row) for row in cells],
        row_count=count or len(cells),
        truncated=truncated,
    )


TYPES = {
    "t": "text",
    "n": "numeric",
    "i": "bigint",
    "d": "date",
    "ts": "timestamp with time zone",
    "f": "double precision",
}

CUSTOMERS = (
    result("customer:t order_count:i", ["Acme Corp", 12], ["Bolt Ltd", 8], ["Cole & Sons", 5]),
    "SELECT customer, count(*) AS order_count FROM orders GROUP BY customer ORDER BY order_count DESC",
    "How many orders has each customer?",
)
PRICES = (
    result("min_price:n max_price:n avg_price:n", [3, 9, 5.5]),
    "SELECT min(price) AS min_price, max(price) AS max_price, avg(price) AS avg_price FROM product",
    "What are the lowest, highest and average price?",
)
SHARE = (
    result("share:n", [0.25]),
    "SELECT count(*) FILTER (WHERE paid)::numeric / count(*) AS share FROM invoice",
    "What share of invoices is paid?",
)
PERCENT = (
    result("paid_percent:n", [0.25]),
    "SELECT 100.0 * count(*) FILTER (WHERE paid) / count(*) AS paid_percent FROM invoice",
    "What percentage of invoices is paid?",
)
TOTAL = (
    result("revenue:n", ["1234567.89"]),
    "SELECT sum(amount) AS revenue FROM sale",
    "What is the revenue?",
)
EUROS = (
    result("revenue_eur:n", [1234.5]),
    "SELECT sum(amount_eur) AS revenue_eur FROM sale",
    "What is the revenue?",
)
COUNT = (result("count:i", [12]), "SELECT count(*) FROM customer", "How many customers are there?")
MONTHS = (
    result("month:d revenue:n", ["2024-05-01", 100], ["2024-06-01", 150], ["2024-07-01", 75]),
    "SELECT date_trunc('month', day) AS month, sum(amount) AS revenue FROM sale GROUP BY 1 ORDER BY 1",
    "What was the revenue of each month?",
)
YEARS = (
    result("year:i orders:i", [2022, 40], [2023, 60], [2024, 30]),
    "SELECT extract(year FROM day)::int AS year, count(*) AS orders FROM sale GROUP BY 1 ORDER BY 1",
    "How many orders were there each year?",
)
LOSS = (result("profit:n", [-5]), "SELECT sum(profit) AS profit FROM deal", "What is the profit?")
CUT = (
    result("name:t", ["Ada"], ["Bea"], count=1000, truncated="rows"),
    "SELECT name FROM customer",
    "Which customers are there?",
)
PEOPLE = (
    result("first_name:t last_name:t salary:n", ["Ada", "Lovelace", 90], ["Alan", "Turing", 80]),
    "SELECT first_name, last_name, salary FROM staff ORDER BY salary DESC",
    "What do people earn?",
)
ASKED = (
    result("count:i", [12]),
    "SELECT count(*) FROM customer WHERE orders > 5 AND since >= '2023-01-01'",
    "How many customers since 2023 have more than 5 orders?",
)
MINUTES = (
    result("line:t avg_minutes:n", ["North", 90], ["South", 45]),
    "SELECT line, avg(minutes) AS avg_minutes FROM ride GROUP BY line",
    "How long do rides take on each line?",
)
FLIGHTS = (
    result("plane:t", ["Boeing 747"], ["Airbus A320"]),
    "SELECT plane FROM plane",
    "Which planes are there?",
)
ONE = (result("name:t total:n", ["Alice", 12]), "SELECT name, total FROM best LIMIT 1", "Who bought most?")
WHEN = (
    result("placed_at:ts", ["2024-07-01 23:30:00+00"]),
    "SELECT max(placed_at) FROM orders",
    "When was the last order?",
)

FOUNDED = [
    (CUSTOMERS, "Acme Corp has 12 orders, Bolt Ltd 8 and Cole & Sons 5."),
    (CUSTOMERS, "Acme Corp leads with 12 orders, followed by Bolt Ltd with 8 and Cole & Sons with 5."),
    (CUSTOMERS, "12 orders were placed by Acme Corp, 8 by Bolt Ltd, and 5 by Cole & Sons."),
    (CUSTOMERS, "Acme, Bolt and Cole have 12, 8 and 5 orders, respectively."),
    (CUSTOMERS, "Acme Corp (12), Bolt Ltd (8), Cole & Sons (5)."),
    (CUSTOMERS, "There are 3 customers; Acme Corp has the most orders. It has 12."),
    (CUSTOMERS, "The highest number of orders is 12."),
    (CUSTOMERS, "Together they have 25 orders."),
    (CUSTOMERS, "Acme Corp has 4 more than Bolt Ltd."),
    (CUSTOMERS, "Acme Corp has 1.5 times as many orders as Bolt Ltd."),
    (CUSTOMERS, "Bolt Ltd comes second with 8 orders."),
    (CUSTOMERS, "The counts range from 5 to 12."),
    (CUSTOMERS, "Acme Corp hat 12 Bestellungen, Bolt Ltd acht und Cole & Sons fünf."),
    (CUSTOMERS, "Acme Corp a 12 commandes, Bolt Ltd huit et Cole & Sons cinq."),
    (CUSTOMERS, "Acme Corp tiene doce pedidos, Bolt Ltd ocho y Cole & Sons cinco."),
    (PRICES, "The lowest price is 3, the highest 9 and the average 5.5."),
    (PRICES, "Prices range from 3 to 9."),
    (SHARE, "25% of invoices are paid."),
    (SHARE, "The share is 0.25."),
    (SHARE, "A quarter of all invoices are paid."),
    (SHARE, "25 Prozent der Rechnungen sind bezahlt."),
    (PERCENT, "0.25% of invoices are paid."),
    (TOTAL, "The revenue is 1,234,567.89."),
    (TOTAL, "The revenue is about 1.2 million."),
    (TOTAL, "Der Umsatz beträgt 1.234.567,89."),
    (TOTAL, "Le chiffre est de 1 234 567,89."),
    (TOTAL, "Der Umsatz beträgt 1,23 Millionen."),
    (TOTAL, "Los ingresos son de 1,23 millones."),
    (TOTAL, "The revenue is more than 1,200,000."),
    (EUROS, "The revenue is €1,234.50."),
    (EUROS, "Der Umsatz beträgt 1.234,50 Euro."),
    (COUNT, "There are twelve customers."),
    (COUNT, "There are a dozen customers."),
    (MONTHS, "Revenue was 100 in May 2024, 150 in June 2024 and 75 in July 2024."),
    (MONTHS, "In June the revenue was 150."),
    (MONTHS, "Im Juni 2024 lag der Umsatz bei 150."),
    (MONTHS, "Revenue doubled from July 2024 (75) to June 2024 (150)."),
    (YEARS, "There were 40 orders in 2022, 60 in 2023 and 30 in 2024."),
    (YEARS, "2023 had 60 orders, twice as many as 2024."),
    (LOSS, "The profit is -5."),
    (LOSS, "There was a loss of 5."),
    (LOSS, "Der Gewinn beträgt minus 5."),
    (CUT, "There are at least 1,000 customers."),
    (PEOPLE, "Ada Lovelace earns 90 and Alan Turing 80."),
    (ASKED, "12 customers since 2023 have more than 5 orders."),
    (MINUTES, "Rides take 90 minutes on North and 45 on South."),
    (FLIGHTS, "There are the Boeing 747 and the Airbus A320."),
    (FLIGHTS, "There are 2 planes."),
    (ONE, "Alice bought most, with 12."),
    (WHEN, "The last order was placed on July 1, 2024 at 23:30."),
    (WHEN, "Die letzte Bestellung war am 1. Juli 2024."),
    (WHEN, "It was at 11:30 PM on 1 July 2024."),
    # Written after the check, as a test of it.
    (CUSTOMERS, "With 12 orders, Acme Corp is the best customer."),
    (CUSTOMERS, "Acme Corp placed the most orders (12)."),
    (CUSTOMERS, "The top customer is Acme Corp with 12 orders, the second Bolt Ltd with 8."),
    (CUSTOMERS, "There are 25 orders in total: 12 by Acme Corp, 8 by Bolt Ltd and 5 by Cole & Sons."),
    (CUSTOMERS, "Acme Corp accounts for 48% of the total."),
    (PRICES, "The cheapest costs 3, the most expensive 9, and the average price is 5.5."),
    (MONTHS, "June 2024 was the best month with 150."),
    (MONTHS, "Revenue rose from 100 in May to 150 in June."),
    (YEARS, "Orders grew by 50% from 2022 to 2023."),
    (PEOPLE, "Turing earns 80."),
    (SHARE, "About 25% of the invoices are paid."),
    (TOTAL, "Revenue was roughly 1.2 million."),
    (WHEN, "The last order was placed on 1 July 2024, at 11:30 p.m."),
]

UNFOUNDED = [
    # The right number beside the wrong name.
    (CUSTOMERS, "Acme Corp has 8 orders and Bolt Ltd 12."),
    (CUSTOMERS, "12 orders were placed by Bolt Ltd, 8 by Acme Corp."),
    (CUSTOMERS, "Acme, Bolt and Cole have 8, 12 and 5 orders, respectively."),
    (CUSTOMERS, "Acme, Bolt and Cole have 12, 5 and 8 orders, respectively."),
    (CUSTOMERS, "Acme Corp (8), Bolt Ltd (12)."),
    (CUSTOMERS, "The customer with 5 orders is Acme Corp."),
    (CUSTOMERS, "Acme Corp leads. It has 8 orders."),
    (CUSTOMERS, "Acme Corp hat 8 Bestellungen und Bolt Ltd 12."),
    (CUSTOMERS, "Dunn Inc has 12 orders."),
    (CUSTOMERS, "The best customer, Dunn, has 12 orders."),
    (CUSTOMERS, "The highest number of orders is 8."),
    (CUSTOMERS, "There are 3 orders."),
    (CUSTOMERS, "Cole & Sons comes second with 5 orders."),
    (CUSTOMERS, "Bolt Ltd is 3rd with 8 orders."),
    (PRICES, "The lowest price is 9 and the highest 3."),
    (PRICES, "The average price is 9."),
    (PEOPLE, "Ada Lovelace earns 80 and Alan Turing 90."),
    (MONTHS, "Revenue was 150 in May 2024 and 100 in June 2024."),
    (MONTHS, "In June the revenue was 75."),
    (YEARS, "There were 60 orders in 2022 and 40 in 2023."),
    (YEARS, "In 2024, 60 orders were placed."),
    (MINUTES, "Rides take 45 minutes on North and 90 on South."),
    (ONE, "Bob has 12."),
    # Numbers that are nowhere.
    (COUNT, "There are 13 customers."),
    (COUNT, "There are thirteen customers."),
    (COUNT, "Es gibt dreizehn Kunden."),
    (COUNT, "Il y a treize clients."),
    (COUNT, "Hay trece clientes."),
    (COUNT, "There is only one customer."),
    (COUNT, "There are two dozen customers."),
    (COUNT, "There are dozens of customers."),
    (COUNT, "There are twelve hundred customers."),
    (COUNT, "There are 12k customers."),
    (COUNT, "There are 12 million customers."),
    (COUNT, "There are 1.2 customers."),
    (COUNT, "There are 12% customers."),
    (COUNT, "There are -12 customers."),
    (COUNT, "There are no customers."),
    (COUNT, "There are 12 customers, nearly all of them active."),
    (COUNT, "There are 12 customers, and half of them are active."),
    (COUNT, "There are 12 customers, twice as many as before."),
    (COUNT, "There are 12 customers, 3 times as many as before."),
    (COUNT, "There are 10 to 12 customers."),
    (COUNT, "There are 12 customers, up 20% from last year."),
    (COUNT, "There are 12 customers as of 2024."),
    (TOTAL, "The revenue is 1,234,567.98."),
    (TOTAL, "The revenue is 1,234,567."),
    (TOTAL, "The revenue is 1.234,567."),
    (TOTAL, "The revenue is 1.3 million."),
    (TOTAL, "The revenue is 1.2 billion."),
    (TOTAL, "Der Umsatz beträgt 1,23 Milliarden."),
    (TOTAL, "Der Umsatz beträgt 1.234.576,89."),
    (TOTAL, "Le chiffre est de 1 243 567,89."),
    (TOTAL, "The revenue is nearly 1,200,000."),
    (TOTAL, "The revenue is more than 1,300,000."),
    (TOTAL, "The revenue is $1,234,567.89."),
    (TOTAL, "The revenue is 1,234,567.89 dollars."),
    (EUROS, "The revenue is $1,234.50."),
    (EUROS, "The revenue is 1,234.50 pounds sterling, or USD 1,234.50."),
    # A share and a percentage.
    (SHARE, "0.25% of invoices are paid."),
    (SHARE, "The share is 25."),
    (SHARE, "0,25 Prozent der Rechnungen sind bezahlt."),
    (SHARE, "A third of all invoices are paid."),
    (SHARE, "The majority of invoices are paid."),
    (PERCENT, "25% of invoices are paid."),
    # Dates.
    (MONTHS, "In August the revenue was 75."),
    (MONTHS, "Revenue was 100 in May 2023."),
    (MONTHS, "Revenue was 100 on 2024-05-02."),
    (WHEN, "The last order was placed on July 2, 2024."),
    (WHEN, "Die letzte Bestellung war am 1. Juni 2024."),
    (WHEN, "La dernière commande date du 2 juillet 2024."),
    (WHEN, "El último pedido fue el 1 de junio de 2024."),
    (WHEN, "It was placed at 22:30."),
    (WHEN, "It was placed in Q2 2024."),
    (WHEN, "There were 7 orders."),
    # Signs, cuts, units, ranges, arithmetic.
    (LOSS, "The profit is 5."),
    (LOSS, "The profit is 5 higher."),
    (CUT, "There are 1,000 customers."),
    (CUT, "There are 2 customers."),
    (CUT, "All 1,000 customers are listed."),
    (ASKED, "There are 2023 customers."),
    (ASKED, "There are 5 orders."),
    (MINUTES, "Rides take 90 hours on North."),
    (FLIGHTS, "There are 747 planes."),
    (CUSTOMERS, "The counts range from 8 to 12."),
    (CUSTOMERS, "Together they have 24 orders."),
    (CUSTOMERS, "Acme Corp has 5 more than Bolt Ltd."),
    (CUSTOMERS, "Acme Corp has twice as many orders as Bolt Ltd."),
    (CUSTOMERS, "Acme Corp has three times as many orders as Bolt Ltd."),
    # Written after the check, as a test of it.
    (CUSTOMERS, "Bolt Ltd tops the list at 12, while Acme Corp has just 8."),
    (CUSTOMERS, "With 12 orders, Bolt Ltd is the best customer."),
    (CUSTOMERS, "Cole & Sons placed the most orders (12)."),
    (CUSTOMERS, "8 orders came from Acme Corp and 12 from Bolt Ltd."),
    (CUSTOMERS, "Acme Corp: 5, Bolt Ltd: 8, Cole & Sons: 12"),
    (CUSTOMERS, "Acme Corp and Bolt Ltd each have 12 orders."),
    (CUSTOMERS, "On average a customer has 8 orders."),
    (CUSTOMERS, "Acme Corp accounts for 60% of the total."),
    (CUSTOMERS, "The difference between Acme Corp and Bolt Ltd is 7."),
    (CUSTOMERS, "The smallest customer is Acme Corp with 12 orders."),
    (CUSTOMERS, "Mit 12 Bestellungen führt Bolt Ltd vor Acme Corp."),
    (CUSTOMERS, "Bolt Ltd arrive en tête avec 12 commandes."),
    (CUSTOMERS, "Bolt Ltd lidera con 12 pedidos."),
    (CUSTOMERS, "There are 25 customers in total."),
    (PRICES, "Prices go from 9 down to 3 with an average of 9."),
    (PRICES, "The most expensive costs 3."),
    (PRICES, "Der höchste Preis ist 3."),
    (TOTAL, "Revenue was 12,345,678.9."),
    (TOTAL, "Revenue was roughly 1.5 million."),
    (TOTAL, "Le chiffre d'affaires est de 1,3 million."),
    (TOTAL, "Revenue was one million."),
    (COUNT, "There are exactly a hundred customers."),
    (COUNT, "There are 12.5 customers."),
    (COUNT, "There are XII customers, i.e. 11."),
    (COUNT, "Only 12% of customers remain."),
    (MONTHS, "July 2024 was the best month with 150."),
    (MONTHS, "Revenue rose from 100 in May to 75 in June."),
    (MONTHS, "The second quarter of 2024 had 75."),
    (MONTHS, "Revenue halved from May 2024 (100) to July 2024 (75)."),
    (MONTHS, "Im Mai 2024 lag der Umsatz bei 150."),
    (YEARS, "Orders grew by 20% from 2022 to 2023."),
    (YEARS, "2022 saw 30 orders and 2024 saw 40."),
    (LOSS, "A profit of 5 was made."),
    (SHARE, "One in 3 invoices is paid."),
    (SHARE, "Three quarters of the invoices are paid."),
    (WHEN, "The last order was on 7 January 2024."),
    (WHEN, "The last order was on 2024-07-10."),
    (WHEN, "It happened on Tuesday, July 1, 2023."),
    (PEOPLE, "Turing earns 90."),
    (PEOPLE, "Alan makes 90 and Ada makes 80."),
    (MINUTES, "North takes 1.5 minutes."),
    (ONE, "Alice has 12, Bob 10."),
]


@pytest.mark.parametrize(("given", "text"), FOUNDED, ids=[text for _, text in FOUNDED])
def test_what_the_result_says_may_be_said(given, text):
    rows, sql, question = given
    assert unfounded(text, rows, question=question, sql=sql) == []


@pytest.mark.parametrize(("given", "text"), UNFOUNDED, ids=[text for _, text in UNFOUNDED])
def test_what_the_result_does_not_say_is_found(given, text):
    rows, sql, question = given
    assert unfounded(text, rows, question=question, sql=sql) != []
