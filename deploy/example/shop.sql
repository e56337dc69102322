-- A small example for compose.yaml: what a shop might have, with one column that its policy keeps back.
CREATE TABLE customers (
    id     integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name   text NOT NULL,
    email  text NOT NULL,
    region text NOT NULL
);
COMMENT ON COLUMN customers.region IS 'Sales region: EU, US or APAC';

CREATE TABLE orders (
    id          integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    customer_id integer NOT NULL REFERENCES customers (id),
    placed_on   date NOT NULL,
    total       numeric(10, 2) NOT NULL
);
COMMENT ON COLUMN orders.total IS 'Sum of the order in euros';

INSERT INTO customers (name, email, region)
SELECT 'Customer ' || n, 'customer' || n || '@example.com', (ARRAY['EU', 'US', 'APAC'])[1 + n % 3]
FROM generate_series(1, 200) AS n;

INSERT INTO orders (customer_id, placed_on, total)
SELECT 1 + n * 7 % 200, date '2026-01-01' + n % 300, 5 + n * 37 % 400
FROM generate_series(1, 5000) AS n;

ANALYZE;
