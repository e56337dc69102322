SELECT pg_advisory_lock(1)

SELECT pg_try_advisory_lock(1)

SELECT pg_advisory_xact_lock_shared(1, 2)

SELECT * FROM pg_try_advisory_xact_lock(5)

SELECT id FROM shop.orders WHERE pg_try_advisory_lock(id)

SELECT pg_advisory_unlock_all()

SELECT pg_catalog.pg_advisory_lock(hashtext('x'))
