SELECT pg_terminate_backend(1)

SELECT pg_cancel_backend(1)

SELECT pg_terminate_backend(pid) FROM pg_stat_activity

SELECT pg_rotate_logfile()

SELECT pg_promote()

SELECT pg_switch_wal()

SELECT pg_create_restore_point('x')

SELECT pg_backup_start('x')

SELECT pg_start_backup('x')

SELECT pg_stat_reset()

SELECT pg_stat_reset_shared('bgwriter')

SELECT pg_stat_statements_reset()

SELECT pg_log_backend_memory_contexts(1)

SELECT pg_wal_replay_pause()

SELECT pg_current_wal_lsn()

SELECT pg_export_snapshot()

SELECT pg_blocking_pids(1)

SELECT pg_backend_pid()

SELECT pg_postmaster_start_time()

SELECT pg_conf_load_time()

SELECT pg_is_in_recovery()

SELECT pg_database_size('corpus')

SELECT pg_total_relation_size('vault.secrets')

SELECT brin_summarize_new_values('x')

SELECT gin_clean_pending_list('x')

SELECT pg_nextoid('pg_class', 'oid', 'pg_class_oid_index')

SELECT pg_extension_config_dump('x', '')

SELECT binary_upgrade_set_next_pg_type_oid(1)

SELECT pg_stat_force_next_flush()

SELECT pg_stat_clear_snapshot()
