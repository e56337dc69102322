SELECT pg_sleep(10)

SELECT pg_sleep_for('1 hour')

SELECT pg_sleep_until('tomorrow')

SELECT (SELECT pg_sleep(10))

SELECT * FROM shop.orders WHERE pg_sleep(1) IS NULL

-- bounded
SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b

-- bounded
WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t

-- bounded
WITH RECURSIVE t AS (SELECT 1 AS n UNION SELECT n + 1 FROM t) SELECT max(n) FROM t

-- bounded
SELECT count(*) FROM shop.order_lines a, shop.order_lines b, shop.order_lines c, shop.order_lines d

-- bounded
SELECT count(*) FROM shop.visits a, shop.visits b, shop.visits c WHERE a.page || b.page || c.page LIKE '%x%y%z%'

-- bounded
SELECT max(md5(a.page || b.page || c.page)) FROM shop.visits a, shop.visits b, shop.visits c

-- bounded
SELECT regexp_replace(repeat('a', 5000), '(a*)*b', 'x')

-- bounded
SELECT repeat('a', 3000) ~ '(a|aa|aaa)*$b'

-- bounded
SELECT count(*) FROM shop.visits a WHERE (SELECT count(*) FROM shop.visits b, shop.visits c WHERE b.id > a.id AND c.id > b.id) > 1

SELECT factorial(100000)

SELECT 99999::numeric ^ 99999

SELECT power(123456789::numeric, 123456)

SELECT count(*) FROM generate_series(1, 10000000000) a

SELECT * FROM generate_series(1, 1000000000)

-- bounded
SELECT levenshtein FROM (SELECT sum(length(a.page)) AS levenshtein FROM shop.visits a, shop.visits b, shop.visits c, shop.visits d) x
