SELECT txid_current()

SELECT pg_current_xact_id()

SELECT txid_current_snapshot()

SELECT pg_current_snapshot()

SELECT txid_status(1)

SELECT xmin, xmax FROM shop.orders

SELECT o.xmin FROM shop.orders o

SELECT o.cmin::text FROM shop.orders o

SELECT ctid FROM shop.orders

SELECT tableoid FROM shop.orders

SELECT * FROM shop.orders WHERE ctid = '(0,1)'
