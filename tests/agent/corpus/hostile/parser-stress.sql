SELECT FROM WHERE

SELECT 1 FROM

SELECT (1

SELECT 'unterminated

SELECT "unterminated

SELECT $x$unterminated

SELECT /* unterminated

SELECT 1 AS

SELECT 1 +

SELEC 1

SELECT $1

SELECT $1::text FROM orders WHERE id = $2

SELECT :name

SELECT ?

-- bounded
SELECT @@version

SELECT `id` FROM orders

SELECT TOP 10 * FROM orders

SELECT 0x

SELECT U&'\zzzz'

%%%

{}
