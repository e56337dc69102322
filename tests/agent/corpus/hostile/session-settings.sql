SET search_path = vault

SET LOCAL statement_timeout = 0

SET ROLE postgres

SET SESSION AUTHORIZATION postgres

RESET ALL

RESET ROLE

RESET SESSION AUTHORIZATION

SHOW ALL

SHOW data_directory

SET default_transaction_read_only = off

SELECT set_config('statement_timeout', '0', false)

SELECT set_config('search_path', 'vault', true)

SELECT pg_catalog.set_config('role', 'postgres', true)

SELECT * FROM set_config('transaction_read_only', 'off', false)

SELECT setseed(0.5)

SELECT current_setting('data_directory')

SELECT current_setting('is_superuser')

SELECT current_setting('custard.key', true)

SET standard_conforming_strings = off

SET CONSTRAINTS ALL DEFERRED

SELECT pg_reload_conf()

SELECT name, setting FROM pg_settings

SELECT * FROM pg_show_all_settings()

SELECT pg_client_encoding()

SELECT * FROM pg_file_settings

SET XML OPTION DOCUMENT

SET TIME ZONE 'UTC'

SET NAMES 'SQL_ASCII'
