VACUUM

VACUUM FULL shop.orders

ANALYZE shop.orders

REINDEX TABLE shop.orders

CLUSTER shop.orders

CHECKPOINT

DISCARD ALL

LOAD 'auto_explain'

LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE
