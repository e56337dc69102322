SELECT * INTO shop.copy FROM shop.orders

SELECT * INTO TEMP copy FROM shop.orders

SELECT 1 AS a INTO UNLOGGED TABLE shop.copy2

WITH x AS (SELECT 1 AS a) SELECT a INTO shop.copy3 FROM x

SELECT 1 INTO shop.copy4 UNION SELECT 2

(SELECT id INTO shop.copy5 FROM shop.orders)
