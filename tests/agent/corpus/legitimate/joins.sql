SELECT c.name, o.id FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND o.state = 'returned' ORDER BY c.id, o.id

SELECT c.region, sum(o.total) FROM customers c RIGHT JOIN orders o ON o.customer_id = c.id GROUP BY c.region

SELECT a.id, b.id FROM categories a FULL OUTER JOIN categories b ON b.parent_id = a.id ORDER BY 1, 2


SELECT line.product_id, p.title, sum(line.quantity) AS sold FROM order_lines AS line JOIN products p ON p.id = line.product_id GROUP BY line.product_id, p.title ORDER BY sold DESC, 1 LIMIT 10

SELECT o.id, l.line_no, p.title, c.title AS category FROM orders o JOIN order_lines l ON l.order_id = o.id JOIN products p ON p.id = l.product_id JOIN categories c ON c.id = p.category_id WHERE o.id < 4 ORDER BY 1, 2

SELECT id, customer_id FROM orders JOIN (SELECT id AS customer_id, region FROM customers) AS c USING (customer_id) WHERE region = 'EU' ORDER BY 1 LIMIT 5

SELECT customer_id, count(*) FROM orders JOIN visits USING (customer_id) GROUP BY customer_id ORDER BY 1 LIMIT 5

SELECT * FROM (SELECT id AS x FROM categories) a NATURAL JOIN (SELECT parent_id AS x FROM categories) b ORDER BY x

SELECT j.name, j.total FROM (customers c JOIN (SELECT customer_id, sum(total) AS total FROM orders GROUP BY 1) t ON t.customer_id = c.id) AS j (id, name) LIMIT 0

SELECT e.name, m.name AS boss FROM staff.employees e LEFT JOIN staff.employees m ON m.id = e.manager_id ORDER BY e.id

SELECT c.name, latest.placed_at FROM customers c CROSS JOIN LATERAL (SELECT o.placed_at FROM orders o WHERE o.customer_id = c.id ORDER BY o.placed_at DESC LIMIT 1) AS latest ORDER BY c.id LIMIT 5

SELECT c.name, x.n FROM customers c LEFT JOIN LATERAL (SELECT count(*) AS n FROM orders o WHERE o.customer_id = c.id) x ON true ORDER BY x.n DESC, c.id LIMIT 5

SELECT p.title, t.tag FROM products p, unnest(p.tags) AS t (tag) WHERE p.id < 4 ORDER BY 1, 2

SELECT p.title, t.tag, t.place FROM products p CROSS JOIN LATERAL unnest(p.tags) WITH ORDINALITY AS t (tag, place) WHERE p.id < 3 ORDER BY 1, 3

SELECT a.id, b.id FROM orders a JOIN orders b ON a.customer_id = b.customer_id AND a.id < b.id WHERE a.id < 5 ORDER BY 1, 2

SELECT d.title, count(e.id) FROM staff.departments d LEFT JOIN staff.employees e ON e.department_id = d.id GROUP BY d.id ORDER BY 1

SELECT c.name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o JOIN order_lines l ON l.order_id = o.id WHERE o.customer_id = c.id AND l.product_id = 7) ORDER BY 1

SELECT c.id FROM customers c LEFT JOIN orders o ON o.customer_id = c.id WHERE o.id IS NULL

SELECT o.id, c.name, c.region FROM (orders o JOIN customers c ON c.id = o.customer_id) JOIN order_lines l ON l.order_id = o.id WHERE l.line_no = 1 ORDER BY o.id LIMIT 3

SELECT u.customer_id FROM (orders JOIN visits USING (customer_id)) AS u LIMIT 1

SELECT x.customer_id FROM orders JOIN visits USING (customer_id) AS x LIMIT 1

SELECT t1.n, t2.n FROM (VALUES (1), (2)) AS t1 (n), (VALUES (3)) AS t2 (n)

SELECT o.*, c.name FROM orders o INNER JOIN customers c ON (c.id = o.customer_id) WHERE c.region = 'EU' ORDER BY o.id LIMIT 2

SELECT p.id, l.quantity FROM products p LEFT JOIN order_lines l ON l.product_id = p.id AND l.order_id BETWEEN 10 AND 12 ORDER BY 1, 2 NULLS FIRST LIMIT 20

SELECT customers.name, customers_1.name FROM customers, customers customers_1 WHERE customers.id + 1 = customers_1.id ORDER BY 1 LIMIT 3
