SELECT id FROM orders LIMIT ALL

SELECT id FROM orders ORDER BY id OFFSET 2 ROWS FETCH NEXT ROW ONLY

SELECT ALL region FROM customers ORDER BY 1 LIMIT 1

SELECT region, country, count(*) FROM customers GROUP BY DISTINCT ROLLUP (region, country), ROLLUP (region) ORDER BY 1, 2, 3

SELECT tags[:1], tags[2:], (ARRAY[[1, 2], [3, 4]])[2][1] FROM products ORDER BY id LIMIT 1

SELECT (jsonb_each(preferences)).* FROM customers WHERE id = 1

SELECT (jsonb_each(preferences)).key FROM customers WHERE id = 1 ORDER BY 1

SELECT (ROW(1, 'a')).f1

SELECT ((SELECT o FROM orders o WHERE o.id = 1)).total

SELECT (o).total FROM orders o WHERE (o).id = 1

SELECT x.version, x.host FROM jsonb_to_record('{"version": "1", "host": "a"}') AS x (version text, host text)

SELECT version, current_setting FROM (SELECT 1 AS version, 2 AS current_setting) s

SELECT s.version FROM (SELECT 1 AS version) s

SELECT q."case", q."coalesce", q."date", q."?column?", q."array", q."row", q."exists", q."extract" FROM (SELECT CASE WHEN true THEN 1 END, coalesce(1, 2), '2024-01-01'::date, 1 + 1, ARRAY[1], ROW(1), EXISTS (SELECT 1), extract(year FROM date '2024-01-01')) q

SELECT q.max, q.count, q.upper FROM (SELECT max(id), count(*), upper('x') FROM orders) q

WITH totals AS (SELECT customer_id, sum(total) FROM orders GROUP BY 1) SELECT t.customer_id, t.sum FROM totals t ORDER BY 2 DESC LIMIT 3

SELECT a.id FROM orders a, orders b, orders c WHERE a.id = b.id AND b.id = c.id AND a.id < 3 ORDER BY 1

SELECT o.id, ROW_NUMBER() OVER (PARTITION BY o.customer_id ORDER BY o.placed_at DESC, o.id) AS rn FROM shop.orders AS o WHERE o.placed_at >= TIMESTAMP '2024-01-01 00:00:00' AND o.state <> 'returned' ORDER BY o.id LIMIT 5

SELECT EXTRACT(YEAR FROM o.placed_at)::INT AS yr, TO_CHAR(o.placed_at, 'Mon') AS mon, SUM(CASE WHEN o.state = 'paid' THEN o.total ELSE 0 END) AS paid FROM shop.orders o GROUP BY 1, 2 HAVING SUM(o.total) > 0 ORDER BY yr, mon

SELECT DATE_TRUNC('week', placed_at) AS week, COUNT(*) AS n, AVG(COUNT(*)) OVER (ORDER BY DATE_TRUNC('week', placed_at) ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS moving FROM orders GROUP BY 1 ORDER BY 1

SELECT c.country, SUM(o.total) AS revenue, RANK() OVER (ORDER BY SUM(o.total) DESC) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.country ORDER BY 3, 1

SELECT p.id, p.title, COALESCE(SUM(l.quantity), 0) AS sold FROM products p LEFT JOIN order_lines l ON l.product_id = p.id GROUP BY p.id ORDER BY sold DESC, p.id LIMIT 5

SELECT c.*, count(o.id) AS n FROM categories c LEFT JOIN products o ON o.category_id = c.id GROUP BY c.id ORDER BY c.id

SELECT t.x, t.y FROM (VALUES (1, 'one'), (2, 'two'), (3, NULL)) t (x, y) WHERE t.y IS NOT NULL ORDER BY t.x

SELECT id FROM orders WHERE (total, id) >= (100, 5) ORDER BY id LIMIT 3

SELECT id FROM orders WHERE placed_at::date = ANY ('{2024-01-05,2024-01-06}'::date[]) ORDER BY 1

SELECT id FROM customers WHERE (preferences ->> 'lang') IS NOT NULL AND preferences -> 'visits' > '50' ORDER BY id LIMIT 3

SELECT count(*) FROM orders o WHERE o.total > (SELECT avg(i.total) FROM orders i WHERE i.customer_id = o.customer_id)

SELECT o.customer_id, array_agg(o.id ORDER BY o.id) FILTER (WHERE o.state = 'paid') AS paid FROM orders o GROUP BY o.customer_id HAVING count(*) > 4 ORDER BY 1 LIMIT 3

SELECT min(d)::date, max(d)::date FROM (SELECT generate_series('2024-01-01'::timestamp, '2024-12-31', '1 day') AS d) s

SELECT day::date AS day, coalesce(sum(o.total), 0) AS total FROM generate_series('2024-01-01'::date, '2024-01-10'::date, '1 day'::interval) day LEFT JOIN orders o ON date_trunc('day', o.placed_at) = day GROUP BY 1 ORDER BY 1

SELECT name || ' <' || coalesce(region, '?') || '>' AS label FROM customers ORDER BY label LIMIT 3

SELECT 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1

SELECT id FROM orders WHERE id = 1 OR id = 2 OR id = 3 OR id = 4 OR id = 5 OR id = 6 OR id = 7 OR id = 8 OR id = 9 OR id = 10 OR id = 11 OR id = 12 OR id = 13 OR id = 14 OR id = 15 OR id = 16 OR id = 17 OR id = 18 OR id = 19 OR id = 20 ORDER BY 1

SELECT customers.region, orders.state, count(*) FROM shop.customers INNER JOIN shop.orders ON orders.customer_id = customers.id GROUP BY customers.region, orders.state ORDER BY customers.region, orders.state

SELECT "c"."name" AS "Customer", SUM("o"."total") AS "Total" FROM "shop"."customers" AS "c" INNER JOIN "shop"."orders" AS "o" ON "o"."customer_id" = "c"."id" GROUP BY "c"."id", "c"."name" ORDER BY "Total" DESC LIMIT 5

SELECT id, CASE WHEN lag(total) OVER w IS NULL THEN NULL WHEN total > lag(total) OVER w THEN 'up' ELSE 'down' END AS trend FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY placed_at) ORDER BY id LIMIT 6

SELECT regexp_replace(lower(trim(both ' ' from title)), '[^a-z0-9]+', '-', 'g') AS slug FROM products ORDER BY id LIMIT 2

SELECT gs.n, (SELECT count(*) FROM orders WHERE id % gs.n = 0) FROM generate_series(1, 5) AS gs (n) ORDER BY 1

SELECT date '2024-01-31' + make_interval(months => n) FROM generate_series(0, 3) AS n

SELECT state, total FROM orders WHERE state IN ('new', 'paid') AND total BETWEEN SYMMETRIC 200 AND 100 ORDER BY total LIMIT 4

SELECT e.department_id, count(*) FILTER (WHERE e.hired >= '2016-01-01') AS recent, string_agg(e.name, ', ' ORDER BY e.hired) FROM staff.employees e GROUP BY e.department_id ORDER BY 1

SELECT count(*) FROM visits v JOIN customers c ON c.id = v.customer_id AND v.at BETWEEN c.signed_up AND c.signed_up + interval '1 year'

SELECT at::date, count(*) FROM visits WHERE at >= '2024-06-01' AND at < '2024-06-05' GROUP BY at::date ORDER BY at::date

SELECT t.title, t.depth FROM (WITH RECURSIVE c AS (SELECT id, title, 0 AS depth FROM categories WHERE parent_id IS NULL UNION ALL SELECT k.id, k.title, c.depth + 1 FROM categories k INNER JOIN c ON c.id = k.parent_id) SELECT * FROM c) t ORDER BY t.depth, t.title

SELECT id, total, CASE WHEN total = max(total) OVER () THEN 'max' WHEN total = min(total) OVER () THEN 'min' END FROM orders ORDER BY total DESC LIMIT 2

-- from 17
SELECT jt.version, jt.host FROM JSON_TABLE('[{"v": "1", "n": [{"h": "a"}]}]'::jsonb, '$[*]' COLUMNS (version text PATH '$.v', NESTED PATH '$.n[*]' COLUMNS (host text PATH '$.h'))) AS jt

-- from 17
SELECT x.json_value FROM (SELECT JSON_VALUE(preferences, '$.lang') FROM customers) x ORDER BY 1 LIMIT 1
