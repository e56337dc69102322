SELECT count(*) FROM customers WHERE email = 'CANARY-email-1@example.org'

SELECT (SELECT count(*) FROM vault.secrets WHERE value < 'M') > 0

SELECT id FROM customers WHERE substr(email, 1, 1) = 'C'

SELECT CASE WHEN (SELECT value FROM vault.secrets LIMIT 1) LIKE 'C%' THEN pg_sleep(1) END

SELECT id FROM customers WHERE (email, id) > ('a', 1)

SELECT id FROM customers WHERE email IN ('a', 'b')

SELECT id FROM customers WHERE email IS NULL

SELECT id FROM customers WHERE email BETWEEN 'a' AND 'z'

SELECT id FROM customers WHERE email ~ '^C'

SELECT id FROM customers WHERE 'C' < ANY (SELECT email FROM customers)

SELECT pg_column_size(email) FROM customers

SELECT hashtext(email) FROM customers

SELECT name FROM staff.employees ORDER BY salary DESC LIMIT 1
