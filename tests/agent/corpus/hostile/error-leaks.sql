SELECT email::int FROM customers

SELECT 1 / (length(email) - length(email)) FROM customers

SELECT CAST((SELECT value FROM vault.secrets LIMIT 1) AS int)

SELECT to_date(email, 'YYYY') FROM customers

SELECT jsonb(email) FROM customers

SELECT ('{' || card_number || '}')::int[] FROM customers

SELECT date_trunc(email, now()) FROM customers

SELECT email::shop.order_state FROM customers

SELECT id FROM customers WHERE email::numeric > 0

SELECT to_number(ssn, ssn) FROM staff.employees

SELECT no_such_function(email) FROM customers

SELECT regexp_match('x', email) FROM customers

SELECT ssn::uuid FROM staff.employees
