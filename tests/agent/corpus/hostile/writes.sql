INSERT INTO shop.categories VALUES (99, 1, 'x')

INSERT INTO shop.categories SELECT 98, 1, 'x' RETURNING *

UPDATE shop.orders SET total = 0

DELETE FROM shop.order_lines

TRUNCATE shop.order_lines

MERGE INTO shop.categories c USING (SELECT 1 AS id) s ON s.id = c.id WHEN MATCHED THEN DELETE

INSERT INTO shop.categories DEFAULT VALUES ON CONFLICT DO NOTHING

UPDATE ONLY shop.orders o SET note = c.email FROM shop.customers c WHERE c.id = o.customer_id

DELETE FROM shop.orders USING shop.customers RETURNING customers.email
