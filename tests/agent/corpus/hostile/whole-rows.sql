-- bounded
SELECT c FROM customers c

-- bounded
SELECT c.* FROM customers c

-- bounded
SELECT * FROM customers

-- bounded
SELECT to_jsonb(c) FROM customers c

-- bounded
SELECT row_to_json(c) FROM customers c

-- bounded
SELECT json_agg(c) FROM customers c

-- bounded
SELECT c::text FROM customers c

-- bounded
SELECT (c).* FROM customers c

-- bounded
SELECT array_agg(c) FROM customers c

-- bounded
SELECT ROW(c.*) FROM customers c

-- bounded
SELECT md5(c::text), length(c::text) FROM customers c

-- bounded
SELECT count(DISTINCT c) FROM customers c

-- bounded
TABLE shop.customers

-- bounded
SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id

-- bounded
SELECT j.* FROM (orders o JOIN customers c ON c.id = o.customer_id) AS j

-- bounded
SELECT x FROM (SELECT * FROM customers) x

-- bounded
WITH x AS (SELECT * FROM customers) SELECT to_json(x) FROM x

-- bounded
SELECT v.key, v.value FROM customers c, jsonb_each_text(to_jsonb(c)) AS v

-- bounded
SELECT jsonb_object_keys(to_jsonb(c)) FROM customers c

-- bounded
SELECT e FROM staff.employees e

-- bounded
SELECT * FROM staff.employees

-- bounded
SELECT string_agg(e::text, ';') FROM staff.employees e

-- bounded
SELECT a, b, c, d, e FROM customers AS x (a, b, c, d, e)

-- bounded
SELECT customers FROM customers

-- bounded
SELECT concat(c) FROM customers c

-- bounded
SELECT format('%s', c) FROM customers c

-- bounded
SELECT c = c FROM customers c

-- bounded
SELECT * FROM customers TABLESAMPLE BERNOULLI (100)

-- bounded
SELECT * FROM contact

-- bounded
SELECT * FROM shop.customer_cards

-- bounded
SELECT to_jsonb(v) FROM shop.customer_cards v

SELECT to_jsonb(c) ->> 'email', c.email FROM customers c
