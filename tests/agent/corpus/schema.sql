-- A shop with everything that makes names and types hard. Values that must never be seen start with CANARY.
CREATE SCHEMA shop;
CREATE SCHEMA staff;
CREATE SCHEMA vault;

CREATE TYPE shop.order_state AS ENUM ('new', 'paid', 'shipped', 'returned');
CREATE DOMAIN shop.percent AS numeric CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE shop.money_range AS (low numeric, high numeric);

CREATE TABLE shop.customers (
    id integer PRIMARY KEY,
    name text NOT NULL,
    email text,
    phone text,
    region text,
    country char(2),
    birthday date,
    signed_up timestamptz,
    preferences jsonb,
    credit_limit numeric(12, 2),
    card_number text
);
CREATE TABLE shop.categories (id integer PRIMARY KEY, parent_id integer REFERENCES shop.categories, title text);
CREATE TABLE shop.products (
    id integer PRIMARY KEY,
    category_id integer REFERENCES shop.categories,
    sku varchar(20) UNIQUE,
    title text,
    description text,
    price numeric(10, 2),
    weight_kg real,
    tags text[],
    attributes jsonb,
    search tsvector,
    available daterange,
    discount shop.percent
);
CREATE TABLE shop.orders (
    id integer PRIMARY KEY,
    customer_id integer REFERENCES shop.customers,
    state shop.order_state,
    placed_at timestamptz,
    shipped_at timestamptz,
    total numeric(12, 2),
    note text,
    "Gift Wrap" boolean,
    source_ip inet
);
CREATE TABLE shop.order_lines (
    order_id integer REFERENCES shop.orders,
    line_no smallint,
    product_id integer REFERENCES shop.products,
    quantity integer,
    unit_price numeric(10, 2),
    PRIMARY KEY (order_id, line_no)
);
CREATE TABLE shop.visits (id bigint, customer_id integer, at timestamptz, page text, seconds integer)
    PARTITION BY RANGE (at);
CREATE TABLE shop.visits_2024 PARTITION OF shop.visits FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE shop.visits_2025 PARTITION OF shop.visits FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE shop."Mixed Case" ("Id" integer PRIMARY KEY, "select" text, "Größe" numeric);
CREATE TABLE staff.departments (id integer PRIMARY KEY, title text, budget numeric);
CREATE TABLE staff.employees (
    id integer PRIMARY KEY,
    manager_id integer REFERENCES staff.employees,
    department_id integer REFERENCES staff.departments,
    name text,
    hired date,
    salary numeric,
    ssn text
);
CREATE TABLE vault.secrets (id integer PRIMARY KEY, name text, value text);
CREATE TABLE shop.audit_log (id integer PRIMARY KEY, actor text, detail text);
CREATE SEQUENCE shop.invoice_number START 100;

INSERT INTO shop.customers
SELECT i, 'Customer ' || i, 'CANARY-email-' || i || '@example.org', '+49 30 55' || lpad(i::text, 4, '0'),
       (ARRAY['EU', 'US', 'APAC'])[1 + i % 3], (ARRAY['DE', 'FR', 'US', 'JP'])[1 + i % 4],
       date '1960-01-01' + i * 97, timestamptz '2023-01-01 08:00+00' + i * interval '3 days 5 hours',
       jsonb_build_object('newsletter', i % 2 = 0, 'lang', (ARRAY['de', 'en'])[1 + i % 2], 'visits', i),
       i * 100, 'CANARY-card-' || i
FROM generate_series(1, 60) AS i;
INSERT INTO shop.categories VALUES
    (1, NULL, 'All'), (2, 1, 'Books'), (3, 1, 'Toys'), (4, 2, 'Novels'), (5, 2, 'Science'), (6, 3, 'Puzzles');
INSERT INTO shop.products
SELECT i, 2 + i % 5, 'SKU-' || lpad(i::text, 5, '0'), 'Product ' || i, 'A fine product number ' || i,
       (i * 3.5)::numeric(10, 2), i * 0.25, ARRAY['tag' || i % 4, 'tag' || i % 7],
       jsonb_build_object('color', (ARRAY['red', 'green', 'blue'])[1 + i % 3], 'sizes', jsonb_build_array(i, i + 1)),
       to_tsvector('english', 'fine product number ' || i),
       daterange(date '2024-01-01' + i, date '2025-01-01' + i), i % 50
FROM generate_series(1, 40) AS i;
INSERT INTO shop.orders
SELECT i, 1 + i % 60, (ARRAY['new', 'paid', 'shipped', 'returned'])[1 + i % 4]::shop.order_state,
       timestamptz '2024-01-01 00:00+00' + i * interval '31 hours',
       CASE WHEN i % 4 > 1 THEN timestamptz '2024-01-03 00:00+00' + i * interval '31 hours' END,
       (i * 7.25)::numeric(12, 2), CASE WHEN i % 5 = 0 THEN 'please ring twice' END, i % 3 = 0,
       ('10.0.' || i % 4 || '.' || i % 250)::inet
FROM generate_series(1, 300) AS i;
INSERT INTO shop.order_lines
SELECT o, l, 1 + (o * l) % 40, 1 + (o + l) % 5, ((o + l) % 90 + 1.5)::numeric(10, 2)
FROM generate_series(1, 300) AS o, generate_series(1, 3) AS l;
INSERT INTO shop.visits
SELECT i, 1 + i % 60, timestamptz '2024-02-01 00:00+00' + i * interval '19 hours',
       (ARRAY['/', '/cart', '/product', '/checkout'])[1 + i % 4], i % 300
FROM generate_series(1, 800) AS i;
INSERT INTO shop."Mixed Case" SELECT i, 'text ' || i, i * 1.1 FROM generate_series(1, 10) AS i;
INSERT INTO staff.departments VALUES (1, 'Sales', 100000), (2, 'Research', 250000), (3, 'Support', 80000);
INSERT INTO staff.employees
SELECT i, CASE WHEN i > 1 THEN i / 2 END, 1 + i % 3, 'Employee ' || i, date '2015-01-01' + i * 45,
       3000 + i * 111, 'CANARY-ssn-' || i
FROM generate_series(1, 25) AS i;
INSERT INTO vault.secrets VALUES (1, 'api', 'CANARY-secret-api'), (2, 'root', 'CANARY-secret-root');
INSERT INTO shop.audit_log VALUES (1, 'CANARY-actor', 'CANARY-detail');

CREATE VIEW shop.order_totals AS
    SELECT o.id, o.customer_id, o.state, sum(l.quantity * l.unit_price) AS total
    FROM shop.orders o JOIN shop.order_lines l ON l.order_id = o.id GROUP BY o.id;
CREATE VIEW shop.customer_cards AS SELECT id, name, region, email FROM shop.customers;
CREATE VIEW shop.contact AS SELECT c.id, to_jsonb(c) AS whole FROM shop.customers c;
CREATE VIEW shop.rich AS SELECT id, name FROM shop.customers WHERE card_number IS NOT NULL;
CREATE VIEW shop.peek AS SELECT * FROM vault.secrets;
CREATE VIEW shop.peek_again AS SELECT name, value FROM shop.peek;
CREATE VIEW shop.roles AS SELECT rolname, rolsuper FROM pg_catalog.pg_roles;
CREATE VIEW shop.settings AS SELECT pg_catalog.current_setting('data_directory') AS value;
CREATE MATERIALIZED VIEW shop.monthly AS
    SELECT date_trunc('month', placed_at) AS month, count(*) AS orders, sum(total) AS total
    FROM shop.orders GROUP BY 1;
CREATE MATERIALIZED VIEW shop.emails AS SELECT id, email FROM shop.customers;

CREATE FUNCTION shop.leak(shop.customers) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1.email';
CREATE FUNCTION shop.peek_secret() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT value FROM vault.secrets LIMIT 1';
CREATE FUNCTION shop.run_sql(text) RETURNS text LANGUAGE plpgsql
    AS 'DECLARE r text; BEGIN EXECUTE $1 INTO r; RETURN r; END';
CREATE FUNCTION shop.quiet_write() RETURNS integer LANGUAGE plpgsql IMMUTABLE
    AS 'BEGIN PERFORM nextval(''shop.invoice_number''); RETURN 1; END';
CREATE FUNCTION shop.net(gross numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT round(gross / 1.19, 2)';
CREATE FUNCTION shop.lower(varchar) RETURNS text LANGUAGE sql STABLE
    AS 'SELECT value FROM vault.secrets LIMIT 1';
CREATE FUNCTION shop.count(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT value FROM vault.secrets LIMIT 1';
CREATE FUNCTION shop.equal_leak(integer, text) RETURNS boolean LANGUAGE plpgsql
    AS 'BEGIN RAISE NOTICE ''%'', (SELECT value FROM vault.secrets LIMIT 1); RETURN true; END';
CREATE OPERATOR shop.= (LEFTARG = integer, RIGHTARG = text, FUNCTION = shop.equal_leak);
CREATE OPERATOR shop.~~~~ (LEFTARG = integer, RIGHTARG = text, FUNCTION = shop.equal_leak);
CREATE VIEW shop.leaking AS SELECT id, shop.peek_secret() AS value FROM shop.orders;
ANALYZE;
