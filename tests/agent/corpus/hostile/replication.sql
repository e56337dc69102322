SELECT pg_create_physical_replication_slot('x')

SELECT pg_create_logical_replication_slot('x', 'test_decoding')

SELECT pg_drop_replication_slot('x')

SELECT * FROM pg_logical_slot_get_changes('x', NULL, NULL)

SELECT pg_logical_emit_message(true, 'a', 'b')

SELECT pg_replication_origin_create('x')

SELECT * FROM pg_replication_slots

SELECT pg_copy_physical_replication_slot('a', 'b')

SELECT pg_replication_slot_advance('x', '0/0')
