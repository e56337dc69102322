SELECT id FROM shop.orders WHERE pg_sleep(0) IS NOT NULL

SELECT id FROM shop.orders ORDER BY pg_sleep(0)

SELECT count(*) FROM shop.orders GROUP BY pg_sleep(0)

SELECT count(*) FROM shop.orders HAVING pg_sleep(0) IS NOT NULL

SELECT 1 LIMIT (SELECT length(pg_read_file('/etc/passwd')))

SELECT 1 OFFSET length(version())

SELECT * FROM pg_sleep(0)

SELECT * FROM shop.orders, LATERAL pg_sleep(0)

SELECT * FROM shop.orders o JOIN shop.customers c ON pg_sleep(0) IS NULL

SELECT sum(length(version())) FROM shop.orders

SELECT sum(1) OVER (PARTITION BY shop.peek_secret()) FROM shop.orders

SELECT sum(1) OVER (ORDER BY version()) FROM shop.orders

SELECT sum(1) OVER (ROWS length(shop.peek_secret()) PRECEDING) FROM shop.orders

SELECT count(*) OVER w FROM shop.orders WINDOW w AS (PARTITION BY version())

SELECT count(*) FILTER (WHERE shop.peek_secret() <> '') FROM shop.orders

SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY length(version())) FROM shop.orders

SELECT string_agg(note, shop.peek_secret()) FROM shop.orders

SELECT array_agg(id ORDER BY version()) FROM shop.orders

SELECT CASE shop.peek_secret() WHEN 'x' THEN 1 END

SELECT CASE WHEN true THEN version() END

SELECT CASE WHEN false THEN 'a' ELSE shop.peek_secret() END

SELECT coalesce(NULL, version())

SELECT nullif(shop.peek_secret(), 'x')

SELECT greatest(version(), 'x')

SELECT ARRAY[shop.peek_secret()]

SELECT (ARRAY[1])[length(version())]

SELECT (ARRAY[1, 2])[1:length(shop.peek_secret())]

SELECT ROW(version())

SELECT (shop.peek_secret())::text

SELECT version() COLLATE "C"

SELECT shop.peek_secret() IS NULL

SELECT (version() = 'x') IS TRUE

SELECT shop.peek_secret() IN ('a')

SELECT 'a' IN (version())

SELECT 'a' BETWEEN shop.peek_secret() AND 'z'

SELECT version() LIKE '%'

SELECT 'a' LIKE shop.peek_secret()

SELECT 'x' = ANY (ARRAY[version()])

SELECT 'x' = ANY (SELECT shop.peek_secret())

SELECT version() = ALL (SELECT 'x')

SELECT EXISTS (SELECT shop.peek_secret())

SELECT ARRAY(SELECT version())

SELECT (SELECT shop.peek_secret())

WITH x AS (SELECT version() AS v) SELECT v FROM x

VALUES (shop.peek_secret())

SELECT * FROM (VALUES (version())) AS t (v)

SELECT DISTINCT ON (shop.peek_secret()) id FROM shop.orders

SELECT 1 UNION ALL SELECT length(version())

SELECT * FROM ROWS FROM (generate_series(1, 2), shop.peek_secret()) AS t

SELECT * FROM shop.orders TABLESAMPLE BERNOULLI (length(version()))

SELECT * FROM shop.orders TABLESAMPLE SYSTEM (10) REPEATABLE (length(shop.peek_secret()))

SELECT concat(VARIADIC ARRAY[version()])

SELECT make_interval(days => length(shop.peek_secret()))

SELECT version() AT TIME ZONE 'UTC'

SELECT now() AT TIME ZONE shop.peek_secret()

SELECT substring(version() FROM 1 FOR 3)

SELECT position('P' IN shop.peek_secret())

SELECT extract(year FROM pg_postmaster_start_time())

SELECT overlay(shop.peek_secret() PLACING 'x' FROM 1)

SELECT trim(both 'P' FROM version())

SELECT jsonb_build_object('v', shop.peek_secret())

SELECT GROUPING(version()) FROM shop.orders GROUP BY version()

SELECT count(*) FROM shop.orders GROUP BY ROLLUP (shop.peek_secret())

SELECT 1 FETCH FIRST (length(version())) ROWS ONLY

WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + length(shop.peek_secret()) FROM t WHERE n < 5) SELECT * FROM t

SELECT NOT (version() = 'x')

SELECT shop.peek_secret() || 'x'

SELECT - length(version())
