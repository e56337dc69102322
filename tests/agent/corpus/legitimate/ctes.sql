WITH big AS (SELECT * FROM orders WHERE total > 1000) SELECT count(*) FROM big

WITH a AS (SELECT customer_id, sum(total) AS t FROM orders GROUP BY 1), b AS (SELECT avg(t) AS m FROM a) SELECT count(*) FROM a, b WHERE a.t > b.m

WITH a (x, y) AS (SELECT id, total FROM orders), b AS (SELECT x FROM a WHERE y > 100) SELECT a.x, a.y FROM a JOIN b USING (x) ORDER BY 1 LIMIT 3

WITH orders AS (SELECT id, total FROM shop.orders WHERE state = 'paid') SELECT count(*), sum(total) FROM orders

WITH customers AS (SELECT id, name FROM customers WHERE region = 'EU') SELECT customers.name FROM customers ORDER BY customers.id LIMIT 3

WITH m AS MATERIALIZED (SELECT * FROM products), n AS NOT MATERIALIZED (SELECT * FROM categories) SELECT count(*) FROM m JOIN n ON n.id = m.category_id

WITH RECURSIVE tree AS (SELECT id, title, 1 AS depth FROM categories WHERE parent_id IS NULL UNION ALL SELECT c.id, c.title, t.depth + 1 FROM categories c JOIN tree t ON c.parent_id = t.id) SELECT * FROM tree ORDER BY depth, id

WITH RECURSIVE tree (id, path) AS (SELECT id, title FROM categories WHERE parent_id IS NULL UNION ALL SELECT c.id, tree.path || ' / ' || c.title FROM categories c, tree WHERE c.parent_id = tree.id) SELECT path FROM tree ORDER BY path

WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 100) SELECT sum(n) FROM numbers

WITH RECURSIVE days AS (SELECT date '2024-01-01' AS day UNION ALL SELECT day + 1 FROM days WHERE day < date '2024-01-31') SELECT days.day, count(o.id) FROM days LEFT JOIN orders o ON o.placed_at::date = days.day GROUP BY days.day ORDER BY 1

WITH RECURSIVE fib AS (SELECT 0::bigint AS a, 1::bigint AS b UNION ALL SELECT b, a + b FROM fib WHERE a < 1000) SELECT a FROM fib

WITH RECURSIVE up AS (SELECT id, manager_id, name, 0 AS level FROM staff.employees WHERE id = 20 UNION SELECT e.id, e.manager_id, e.name, up.level + 1 FROM staff.employees e JOIN up ON e.id = up.manager_id) SELECT name, level FROM up ORDER BY level

WITH RECURSIVE walk AS (SELECT id, parent_id, ARRAY[id] AS path FROM categories WHERE parent_id IS NULL UNION ALL SELECT c.id, c.parent_id, w.path || c.id FROM categories c JOIN walk w ON w.id = c.parent_id WHERE NOT c.id = ANY (w.path)) SELECT * FROM walk ORDER BY path

WITH RECURSIVE t (id, parent_id) AS (SELECT id, parent_id FROM categories WHERE id = 1 UNION ALL SELECT c.id, c.parent_id FROM categories c JOIN t ON c.parent_id = t.id) SEARCH DEPTH FIRST BY id SET place SELECT id FROM t ORDER BY place

WITH RECURSIVE t (id, parent_id) AS (SELECT id, parent_id FROM categories WHERE id = 1 UNION ALL SELECT c.id, c.parent_id FROM categories c JOIN t ON c.parent_id = t.id) CYCLE id SET looped USING route SELECT id, looped FROM t ORDER BY id

WITH first AS (SELECT customer_id, min(date_trunc('month', placed_at)) AS cohort FROM orders GROUP BY 1), activity AS (SELECT DISTINCT customer_id, date_trunc('month', placed_at) AS month FROM orders) SELECT f.cohort, a.month, count(*) FROM first f JOIN activity a USING (customer_id) GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 20

WITH x AS (WITH y AS (SELECT 1 AS n) SELECT n + 1 AS n FROM y) SELECT * FROM x

SELECT * FROM (WITH inner_one AS (SELECT id FROM categories) SELECT count(*) AS n FROM inner_one) s

SELECT id, (WITH l AS (SELECT quantity FROM order_lines WHERE order_id = o.id) SELECT sum(quantity) FROM l) FROM orders o WHERE id < 4 ORDER BY 1

WITH a AS (SELECT 1 AS n), b AS (SELECT n FROM a UNION ALL SELECT n + 1 FROM a) SELECT * FROM b ORDER BY n

WITH funnel AS (SELECT customer_id, bool_or(page = '/') AS landed, bool_or(page = '/cart') AS carted, bool_or(page = '/checkout') AS bought FROM visits GROUP BY 1) SELECT count(*) FILTER (WHERE landed) AS landed, count(*) FILTER (WHERE carted) AS carted, count(*) FILTER (WHERE bought) AS bought FROM funnel

WITH rfm AS (SELECT customer_id, max(placed_at) AS recent, count(*) AS often, sum(total) AS money FROM orders GROUP BY 1), scored AS (SELECT customer_id, ntile(5) OVER (ORDER BY recent) AS r, ntile(5) OVER (ORDER BY often) AS f, ntile(5) OVER (ORDER BY money) AS m FROM rfm) SELECT r, f, m, count(*) FROM scored GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT 5

WITH pg_class AS (SELECT 1 AS relname) SELECT relname FROM pg_class

WITH RECURSIVE a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT * FROM b

WITH t AS (TABLE shop.categories) SELECT t.title FROM t WHERE t.id = 2
