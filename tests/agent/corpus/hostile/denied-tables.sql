SELECT * FROM vault.secrets

SELECT count(*) FROM vault.secrets

SELECT 1 FROM vault.secrets

SELECT EXISTS (SELECT 1 FROM vault.secrets WHERE value LIKE 'CANARY%')

SELECT * FROM shop.orders, vault.secrets

SELECT * FROM shop.orders o JOIN vault.secrets s ON s.id = o.id

SELECT o.id FROM shop.orders o NATURAL JOIN vault.secrets

SELECT o.id FROM shop.orders o CROSS JOIN LATERAL (SELECT value FROM vault.secrets s WHERE s.id = o.id) x

SELECT id FROM shop.orders WHERE id IN (SELECT id FROM vault.secrets)

SELECT id FROM shop.orders WHERE EXISTS (SELECT FROM vault.secrets s WHERE s.id = orders.id)

SELECT id FROM shop.orders ORDER BY (SELECT value FROM vault.secrets LIMIT 1)

SELECT (SELECT value FROM vault.secrets LIMIT 1)

SELECT ARRAY(SELECT value FROM vault.secrets)

SELECT id FROM shop.orders UNION SELECT id FROM vault.secrets

SELECT id FROM shop.orders EXCEPT SELECT id FROM vault.secrets

WITH s AS (SELECT * FROM vault.secrets) SELECT * FROM s

WITH secrets AS (SELECT 1 AS id) SELECT * FROM vault.secrets

SELECT * FROM (WITH secrets AS (SELECT 1 AS id) SELECT * FROM secrets) a, secrets

WITH a AS (SELECT * FROM b), b AS (SELECT * FROM vault.secrets) SELECT 1 FROM b

WITH RECURSIVE t AS (SELECT id, value FROM vault.secrets UNION ALL SELECT id, value FROM t WHERE false) SELECT * FROM t

SELECT * FROM corpus.vault.secrets

SELECT s.* FROM vault.secrets AS s

SELECT s FROM vault.secrets s

SELECT to_jsonb(s) FROM vault.secrets s

SELECT row_to_json(s.*) FROM vault.secrets s

SELECT vault.secrets.value FROM vault.secrets

SELECT * FROM shop.audit_log

SELECT actor FROM audit_log

SELECT * FROM secrets

SELECT max(length(value)) FROM vault.secrets

SELECT CASE WHEN (SELECT count(*) FROM vault.secrets) > 0 THEN 1 END

SELECT * FROM vault.secrets TABLESAMPLE SYSTEM (100)

SELECT * FROM shop.orders LIMIT (SELECT count(*) FROM vault.secrets)

SELECT sum(1) OVER (ORDER BY (SELECT max(id) FROM vault.secrets)) FROM orders

SELECT * FROM unnest(ARRAY(SELECT value FROM vault.secrets)) AS v

SELECT * FROM generate_series(1, (SELECT count(*) FROM vault.secrets)) AS g

SELECT string_agg(v.value, ',') FILTER (WHERE v.id > 0) FROM vault.secrets v

VALUES ((SELECT value FROM vault.secrets LIMIT 1))

SELECT * FROM postgres.vault.secrets

SELECT s.value FROM shop.orders o LEFT JOIN vault.secrets s USING (id)

SELECT v FROM (SELECT value AS v FROM vault.secrets OFFSET 0) q

SELECT first_value(value) OVER (ORDER BY id) FROM vault.secrets

SELECT md5(string_agg(s::text, '')) FROM vault.secrets AS s

SELECT DISTINCT ON (id) value FROM vault.secrets ORDER BY id

SELECT value FROM vault.secrets FETCH FIRST 1 ROW ONLY

SELECT id, (SELECT s.value FROM vault.secrets s WHERE s.id = o.id) FROM shop.orders o WHERE o.id < 3

WITH a AS MATERIALIZED (SELECT value FROM vault.secrets), b AS (SELECT * FROM a) SELECT * FROM b

SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM vault.secrets) a) b) c

SELECT (array_agg(value))[1] FROM vault.secrets

SELECT detail FROM shop.audit_log WHERE actor IS NOT NULL

SELECT count(*) FROM shop.orders o WHERE o.note = (SELECT detail FROM shop.audit_log LIMIT 1)
