SELECT shop.leak(c) FROM shop.customers c

SELECT leak(c) FROM customers c

SELECT c.leak FROM shop.customers c

SELECT (c).leak FROM shop.customers c

SELECT (SELECT c).leak FROM shop.customers c

SELECT x.leak FROM (SELECT c FROM shop.customers c) y, LATERAL (SELECT (y.c).*) x

SELECT shop.peek_secret()

SELECT * FROM shop.peek_secret()

SELECT shop.run_sql('SELECT value FROM vault.secrets')

SELECT run_sql('DROP TABLE shop.orders')

SELECT shop.quiet_write()

SELECT quiet_write() FROM orders

SELECT "shop"."peek_secret"()

SELECT corpus.shop.peek_secret()

SELECT id FROM orders WHERE shop.peek_secret() LIKE 'C%'

SELECT (o).peek_secret FROM shop.orders o

SELECT shop.equal_leak(1, 'x')

SELECT count(*) FROM orders GROUP BY shop.peek_secret()

SELECT id FROM orders ORDER BY shop.peek_secret()

SELECT sum(1) OVER (PARTITION BY shop.peek_secret()) FROM orders

SELECT * FROM orders o, LATERAL shop.peek_secret() p

WITH s AS (SELECT shop.peek_secret() AS v) SELECT v FROM s

SELECT ARRAY(SELECT shop.peek_secret())

VALUES (shop.peek_secret())

SELECT max(shop.peek_secret()) FILTER (WHERE true) FROM orders

SELECT coalesce(shop.peek_secret(), 'x')

SELECT shop.run_sql('COPY shop.orders TO PROGRAM ''touch /tmp/custard-canary''')

SELECT shop.run_sql(note) FROM shop.orders

SELECT id FROM orders LIMIT length(shop.peek_secret())

SELECT jsonb_build_object('v', shop.peek_secret())

SELECT string_agg(shop.leak(c), ',') FROM customers c

SELECT 1 WHERE shop.quiet_write() = 1
