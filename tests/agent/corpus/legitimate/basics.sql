SELECT 1

SELECT 1 AS one, 'two' AS two, NULL AS nothing, true AS yes, 3.5 AS three

SELECT * FROM shop.orders LIMIT 10

select id, total from orders order by total desc nulls last limit 5 offset 3

SELECT DISTINCT region FROM customers ORDER BY 1

SELECT DISTINCT ON (customer_id) customer_id, id, placed_at FROM orders ORDER BY customer_id, placed_at DESC

TABLE shop.categories

VALUES (1, 'a'), (2, 'b') ORDER BY 1 DESC

SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v (n, s) WHERE n > 1

SELECT count(*), count(shipped_at), count(DISTINCT customer_id) FROM orders

SELECT o.id, c.name FROM orders AS o JOIN customers AS c ON c.id = o.customer_id WHERE o.total > 1000

SELECT name FROM customers WHERE id IN (1, 2, 3)

SELECT name FROM customers WHERE id NOT IN (SELECT customer_id FROM orders WHERE state = 'returned')

SELECT name FROM customers WHERE id BETWEEN 5 AND 9 AND region IS NOT NULL

SELECT name FROM customers WHERE name LIKE 'Customer 1%' OR name ILIKE '%9'

SELECT name FROM customers WHERE name NOT LIKE '%\_%' ESCAPE '\'

SELECT name FROM customers WHERE name SIMILAR TO 'Customer (1|2)_'

SELECT name FROM customers WHERE name ~ '^Customer \d$' AND name !~* 'x'

SELECT id FROM orders WHERE note IS NULL AND NOT "Gift Wrap"

SELECT id FROM orders WHERE "Gift Wrap" IS TRUE OR "Gift Wrap" IS UNKNOWN

SELECT "Id", "select", "Größe" FROM "Mixed Case" WHERE "Größe" > 2

SELECT m."Id" * 2 AS "double id" FROM shop."Mixed Case" m

SELECT id FROM orders WHERE state = 'paid'::shop.order_state

SELECT id FROM orders WHERE state::text = 'paid' AND state >= 'paid'

SELECT orders.id, customers.name FROM shop.orders, shop.customers WHERE orders.customer_id = customers.id LIMIT 3

SELECT shop.orders.id, shop.customers.name FROM shop.orders JOIN shop.customers ON shop.customers.id = shop.orders.customer_id LIMIT 3

SELECT id AS "Order", total AS "Σ" FROM orders ORDER BY "Σ" LIMIT 3

SELECT -total, +total, total ^ 2, total % 7, |/ total, @ (-total) FROM orders LIMIT 2

SELECT 7 / 2, 7 % 2, 7.0 / 2, 2 ^ 10, 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 4, 256 >> 2

SELECT 'a' || 'b' || 1, E'tab\there', $$dollar$$, U&'d\0061t\+000061', B'101', X'1F'

SELECT 1e10, 1.5e-3, .5, 5.

SELECT CASE WHEN total > 1000 THEN 'big' WHEN total > 100 THEN 'middle' ELSE 'small' END AS size, count(*) FROM orders GROUP BY 1

SELECT CASE state WHEN 'new' THEN 1 WHEN 'paid' THEN 2 END FROM orders LIMIT 4

SELECT coalesce(note, 'none'), nullif(note, ''), greatest(1, id), least(5, id) FROM orders LIMIT 5

SELECT cast(total AS integer), total::text, CAST('2024-01-01' AS date), int '5', '5'::int4::bigint FROM orders LIMIT 1

SELECT (id, total) FROM orders LIMIT 1

SELECT ROW(1, 'a', NULL) IS NULL, ROW(1, 2) < ROW(1, 3), (1, 2) = (1, 2)

SELECT id FROM orders WHERE (customer_id, state) IN (SELECT id, 'paid'::order_state FROM customers)

SELECT id FROM orders WHERE total > ALL (SELECT price FROM products) AND id = ANY (ARRAY[299, 300])

SELECT exists(SELECT 1 FROM orders WHERE total > 2000), EXISTS (SELECT FROM customers)

SELECT (SELECT max(total) FROM orders) - (SELECT min(total) FROM orders) AS spread

SELECT c.name, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) AS n FROM customers c ORDER BY n DESC, c.name LIMIT 5

SELECT * FROM (SELECT id, total FROM orders ORDER BY total DESC LIMIT 3) AS top ORDER BY id

SELECT a.id FROM orders a WHERE NOT EXISTS (SELECT 1 FROM order_lines l WHERE l.order_id = a.id AND l.quantity > 4)

SELECT * FROM ONLY shop.orders WHERE id < 3

SELECT name COLLATE "C" FROM customers ORDER BY name COLLATE "C" DESC LIMIT 3

SELECT id, total FROM orders ORDER BY total DESC FETCH FIRST 3 ROWS WITH TIES

SELECT id FROM orders ORDER BY id USING > LIMIT 2

SELECT /* a comment */ id -- and another
FROM orders /* nested /* comment */ here */ LIMIT 1;

SELECT lower(name), upper(region) FROM customers LIMIT 2

SELECT id, 'Größe: ' || id AS größe FROM orders WHERE note IS DISTINCT FROM 'x' AND note IS NOT DISTINCT FROM NULL LIMIT 2

SELECT c.* FROM customers c WHERE c.id = 7

SELECT c FROM customers c WHERE c.id = 7

SELECT count(c) FROM customers c

SELECT region, name FROM customers ORDER BY region COLLATE "C" ASC NULLS FIRST, 2 DESC LIMIT 10

SELECT NOT true, true AND false OR true, NULL IS NULL

SELECT current_date, current_timestamp IS NOT NULL, localtime IS NOT NULL, now() > '2020-01-01'
