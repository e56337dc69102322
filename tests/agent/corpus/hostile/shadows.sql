SELECT shop.lower(name::varchar) FROM customers

SELECT shop.count('x')

SELECT id OPERATOR(shop.=) 'x' FROM orders

SELECT id OPERATOR(shop.~~~~) 'x' FROM orders

SELECT id ~~~~ 'x' FROM orders

SELECT 'x'::shop.customers

SELECT NULL::customers

SELECT ROW(1, 2)::staff.employees

SELECT jsonb_populate_record(NULL::shop.customers, '{}')

SELECT 1::vault.secrets

SELECT id FROM orders ORDER BY id USING OPERATOR(shop.~~~~)

SELECT 1 OPERATOR(shop.=) ANY (ARRAY['x'])
