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
