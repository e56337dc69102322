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

SELECT sum(1) OVER (PARTITION BY version()) FROM shop.orders

SELECT sum(1) OVER (ORDER BY version()) FROM shop.orders

SELECT sum(1) OVER (ROWS length(version()) PRECEDING) FROM shop.orders

SELECT count(*) OVER w FROM shop.orders WINDOW w AS (PARTITION BY version())

SELECT count(*) FILTER (WHERE version() <> '') FROM shop.orders

SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY length(version())) FROM shop.orders

SELECT string_agg(note, version()) FROM shop.orders

SELECT array_agg(id ORDER BY version()) FROM shop.orders

SELECT CASE version() WHEN 'x' THEN 1 END

SELECT CASE WHEN true THEN version() END

SELECT CASE WHEN false THEN 'a' ELSE version() END

SELECT coalesce(NULL, version())

SELECT nullif(version(), 'x')

SELECT greatest(version(), 'x')

SELECT ARRAY[version()]

SELECT (ARRAY[1])[length(version())]

SELECT (ARRAY[1, 2])[1:length(version())]

SELECT ROW(version())

SELECT (version())::text

SELECT version() COLLATE "C"

SELECT version() IS NULL

SELECT (version() = 'x') IS TRUE

SELECT version() IN ('a')

SELECT 'a' IN (version())

SELECT 'a' BETWEEN version() AND 'z'

SELECT version() LIKE '%'

SELECT 'a' LIKE version()

SELECT 'x' = ANY (ARRAY[version()])

SELECT 'x' = ANY (SELECT version())

SELECT version() = ALL (SELECT 'x')

SELECT EXISTS (SELECT version())

SELECT ARRAY(SELECT version())

SELECT (SELECT version())

WITH x AS (SELECT version() AS v) SELECT v FROM x

VALUES (version())

SELECT * FROM (VALUES (version())) AS t (v)

SELECT DISTINCT ON (version()) id FROM shop.orders

SELECT 1 UNION ALL SELECT length(version())

SELECT * FROM ROWS FROM (generate_series(1, 2), version()) AS t

SELECT * FROM shop.orders TABLESAMPLE BERNOULLI (length(version()))

SELECT * FROM shop.orders TABLESAMPLE SYSTEM (10) REPEATABLE (length(version()))

SELECT concat(VARIADIC ARRAY[version()])

SELECT make_interval(days => length(version()))

SELECT version() AT TIME ZONE 'UTC'

SELECT now() AT TIME ZONE version()

SELECT substring(version() FROM 1 FOR 3)

SELECT position('P' IN version())

SELECT extract(year FROM pg_postmaster_start_time())

SELECT overlay(version() PLACING 'x' FROM 1)

SELECT trim(both 'P' FROM version())

SELECT jsonb_build_object('v', version())

SELECT GROUPING(version()) FROM shop.orders GROUP BY version()

SELECT count(*) FROM shop.orders GROUP BY ROLLUP (version())

SELECT 1 FETCH FIRST (length(version())) ROWS ONLY

WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + length(version()) FROM t WHERE n < 5) SELECT * FROM t

SELECT NOT (version() = 'x')

SELECT version() || 'x'

SELECT - length(version())
