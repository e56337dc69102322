SELECT 1; DROP TABLE shop.orders

SELECT 1; SELECT 2

SELECT 1;; DELETE FROM shop.orders;

SELECT 1 /* ; */ ; COMMIT

SELECT ';' ; TRUNCATE shop.orders

; SELECT 1; SELECT value FROM vault.secrets

SELECT 1;-- DROP
DROP TABLE shop.orders

SELECT $a$;$a$; SET ROLE postgres

BEGIN; SELECT 1; COMMIT

SELECT 1 \; DROP TABLE shop.orders

SELECT 1; COPY shop.orders TO '/tmp/custard-canary'

VALUES (1); VALUES (2)
