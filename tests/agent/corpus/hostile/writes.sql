INSERT INTO shop.categories VALUES (99, 1, 'x')

INSERT INTO shop.categories SELECT 98, 1, 'x' RETURNING *

UPDATE shop.orders SET total = 0

DELETE FROM shop.order_lines

TRUNCATE shop.order_lines

MERGE INTO shop.categories c USING (SELECT 1 AS id) s ON s.id = c.id WHEN MATCHED THEN DELETE

INSERT INTO shop.categories DEFAULT VALUES ON CONFLICT DO NOTHING

UPDATE ONLY shop.orders o SET note = c.email FROM shop.customers c WHERE c.id = o.customer_id

DELETE FROM shop.orders USING shop.customers RETURNING customers.email

INSERT INTO shop.orders (id, total) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET total = excluded.total

INSERT INTO shop.categories OVERRIDING SYSTEM VALUE SELECT 95, 1, value FROM vault.secrets

UPDATE shop.orders SET (total, note) = (SELECT 1, value FROM vault.secrets LIMIT 1)

DELETE FROM shop.order_lines WHERE CURRENT OF custard

TRUNCATE TABLE shop.orders, shop.order_lines RESTART IDENTITY CASCADE

UPDATE pg_catalog.pg_authid SET rolsuper = true

DELETE FROM pg_catalog.pg_depend

INSERT INTO vault.secrets SELECT 3, 'x', email FROM shop.customers

UPDATE shop.customers SET email = NULL RETURNING card_number
