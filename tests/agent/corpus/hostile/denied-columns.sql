SELECT email FROM customers

SELECT c.email FROM customers c

SELECT customers.email FROM customers

SELECT shop.customers.email FROM shop.customers

SELECT corpus.shop.customers.email FROM shop.customers

SELECT id, card_number FROM shop.customers

SELECT name FROM customers WHERE email LIKE 'CANARY%'

SELECT name FROM customers ORDER BY email

SELECT count(*) FROM customers GROUP BY email

SELECT count(DISTINCT email) FROM customers

SELECT max(email) FROM customers

SELECT string_agg(email, ',') FROM customers

SELECT name FROM customers GROUP BY name HAVING max(email) > 'a'

SELECT row_number() OVER (ORDER BY email) FROM customers

SELECT lag(email) OVER () FROM customers

SELECT upper(email) FROM customers

SELECT email || '' FROM customers

SELECT length(email) FROM customers

SELECT CASE WHEN email > 'm' THEN 1 ELSE 0 END FROM customers

SELECT coalesce(email, name) FROM customers

SELECT ARRAY[email] FROM customers

SELECT ROW(email) FROM customers

SELECT json_build_object('e', email) FROM customers

SELECT (c).email FROM customers c

SELECT ((c)).email FROM customers c

SELECT email(c) FROM customers c

SELECT "email"(customers) FROM customers

SELECT a.email FROM customers a JOIN customers b ON a.email = b.email

SELECT * FROM customers a JOIN customers b USING (email)

SELECT o.id FROM orders o JOIN customers c ON c.email = o.note

SELECT (SELECT email FROM customers LIMIT 1)

SELECT id FROM orders WHERE note IN (SELECT email FROM customers)

SELECT id FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = o.customer_id AND c.email IS NOT NULL)

SELECT x.e FROM (SELECT email AS e FROM customers) x

WITH x AS (SELECT email FROM customers) SELECT * FROM x

WITH x (a) AS (SELECT email FROM customers) SELECT a FROM x

SELECT email FROM customers UNION SELECT name FROM customers

SELECT name FROM customers UNION SELECT email FROM customers

SELECT c.id FROM customers c, LATERAL (SELECT c.email AS e) x

SELECT e FROM customers c CROSS JOIN LATERAL unnest(ARRAY[c.email]) AS e

SELECT DISTINCT ON (email) id FROM customers

SELECT id FROM customers LIMIT (SELECT length(email) FROM customers LIMIT 1)

SELECT salary FROM staff.employees

SELECT avg(salary) FROM staff.employees

SELECT name, ssn FROM staff.employees

SELECT e.name FROM staff.employees e WHERE e.salary > 5000

SELECT d.title, max(e.salary) FROM staff.departments d JOIN staff.employees e ON e.department_id = d.id GROUP BY d.title

SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY salary) FROM staff.employees

SELECT count(*) FILTER (WHERE salary > 5000) FROM staff.employees

SELECT "email" FROM "shop"."customers"

SELECT U&"em\0061il" FROM customers

SELECT EMAIL FROM CUSTOMERS

SELECT width_bucket(salary, 0, 10000, 10) FROM staff.employees

SELECT corr(salary, id) FROM staff.employees

SELECT m.ssn FROM staff.employees e JOIN staff.employees m ON m.id = e.manager_id

WITH RECURSIVE t AS (SELECT id, email FROM customers WHERE id = 1 UNION ALL SELECT c.id, c.email FROM customers c JOIN t ON c.id = t.id + 1) SELECT * FROM t

SELECT a.* FROM customers AS a (i, n, e, p, r) WHERE a.email IS NULL

SELECT customers.*::text, email FROM customers

SELECT email AS id FROM customers ORDER BY 1

SELECT greatest(email, name) FROM customers

SELECT c.name, o.note FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.card_number LIKE '%1'

SELECT region, min(email), max(card_number) FROM customers GROUP BY region

SELECT regexp_replace(email, '@.*', '') FROM customers

SELECT md5(card_number) FROM customers

SELECT jsonb_agg(jsonb_build_object('n', name, 'e', email)) FROM customers

SELECT first_value(salary) OVER (PARTITION BY department_id ORDER BY hired) FROM staff.employees

SELECT x.email FROM (SELECT c.* , c.email FROM customers c) x

SELECT CASE WHEN EXISTS (SELECT 1 FROM customers WHERE email IS NOT NULL) THEN 1 END

SELECT email FROM shop.customers TABLESAMPLE SYSTEM (100)

SELECT string_agg(ssn, ',' ORDER BY salary) FROM staff.employees

SELECT name FROM customers WHERE length(card_number) > 3 AND region = 'EU'

SELECT sum(salary) FILTER (WHERE hired > '2016-01-01') FROM staff.employees
