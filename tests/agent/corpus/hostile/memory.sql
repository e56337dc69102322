SELECT repeat('x', 1000000000)

SELECT repeat(repeat('x', 100000), 10000)

SELECT length(repeat('x', 1024 * 1024 * 1000))

SELECT lpad('x', 1000000000)

SELECT rpad('x', 900000000, 'y')

SELECT lpad('x', 10000 * 10000)

SELECT format('%1000000000s', 'x')

SELECT format('%*s', 1000000000, 'x')

SELECT format('%-999999999s', 'x')

SELECT array_fill(0, ARRAY[100000000])

SELECT array_fill(0, ARRAY[10000, 10000])::text

SELECT array_fill(0, (SELECT ARRAY[100000000]))

SELECT array_fill('x'::text, ARRAY[1000, 1000, 1000])

SELECT 'x'::char(10000000)

SELECT B'1'::bit(80000000)

SELECT format(repeat('%s', 10), 1)

SELECT repeat(VARIADIC ARRAY['x', '1000000000'])

-- bounded
SELECT string_agg(repeat('x', 10000), '') FROM generate_series(1, 1000000)

-- bounded
SELECT array_agg(a) FROM generate_series(1, 9000000) a

-- bounded
SELECT a.s || b.s FROM (SELECT string_agg(page, '') AS s FROM shop.visits) a, (SELECT string_agg(page, '') AS s FROM shop.visits) b, generate_series(1, 100000)

-- bounded
WITH RECURSIVE t AS (SELECT 'xxxxxxxxxx' AS s UNION ALL SELECT s || s FROM t) SELECT max(length(s)) FROM t

-- bounded
SELECT jsonb_agg(o) FROM shop.orders o, generate_series(1, 100000)

-- bounded
SELECT repeat(name, id * 100000000) FROM shop.customers

-- bounded
SELECT lpad(name, id * 100000000) FROM shop.customers

-- bounded
SELECT * FROM shop.visits a, shop.visits b

-- bounded
SELECT DISTINCT a.n, b.n FROM generate_series(1, 100000) a (n), generate_series(1, 100000) b (n) ORDER BY 1, 2
