SELECT * FROM order_totals ORDER BY id LIMIT 3

SELECT state, sum(total) FROM shop.order_totals GROUP BY state ORDER BY 1

SELECT month, orders, total FROM monthly ORDER BY month

SELECT * FROM visits_2024 ORDER BY id LIMIT 2

SELECT date_trunc('month', at) AS m, page, count(*), avg(seconds) FROM visits GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 10

SELECT count(*) FROM ONLY visits

SELECT id, name, region FROM customer_cards ORDER BY id LIMIT 3

SELECT t.id, c.name, t.total FROM order_totals t JOIN customer_cards c ON c.id = t.customer_id ORDER BY 3 DESC, 1 LIMIT 3

SELECT name, region FROM customer_cards WHERE id IN (SELECT customer_id FROM order_totals WHERE total > 100) ORDER BY id LIMIT 3

SELECT customer_cards.name FROM customer_cards, orders WHERE orders.customer_id = customer_cards.id AND orders.id = 5

SELECT v.page, count(DISTINCT v.customer_id) AS visitors, count(DISTINCT o.customer_id) AS buyers FROM visits v LEFT JOIN orders o ON o.customer_id = v.customer_id AND o.placed_at::date = v.at::date GROUP BY v.page ORDER BY 1

SELECT name FROM staff.employees WHERE hired < '2016-01-01' ORDER BY hired

SELECT d.title, e.name FROM staff.departments d JOIN staff.employees e ON e.department_id = d.id WHERE d.title = 'Sales' ORDER BY 2

SELECT left(phone, 3), count(*) FROM customers GROUP BY 1

SELECT title FROM staff.departments WHERE title LIKE 'S%' ORDER BY 1
