SELECT * FROM pg_shadow

SELECT rolname, rolpassword FROM pg_authid

SELECT * FROM pg_catalog.pg_user

SELECT * FROM pg_roles

SELECT usename FROM pg_user_mappings

SELECT * FROM pg_stat_activity

SELECT query FROM pg_stat_activity

SELECT * FROM pg_stats WHERE tablename = 'secrets'

SELECT most_common_vals FROM pg_catalog.pg_stats

SELECT * FROM pg_statistic

SELECT relname FROM pg_class

SELECT attname FROM pg_attribute

SELECT proname, prosrc FROM pg_proc

SELECT * FROM information_schema.tables

SELECT column_name FROM information_schema.columns WHERE table_name = 'secrets'

SELECT * FROM information_schema.role_table_grants

SELECT * FROM pg_tables

SELECT definition FROM pg_views

SELECT * FROM pg_database

SELECT * FROM pg_namespace

SELECT * FROM pg_locks

SELECT * FROM pg_prepared_statements

SELECT * FROM pg_cursors

SELECT * FROM pg_toast.pg_toast_1262

SELECT pg_get_viewdef('shop.peek')

SELECT pg_get_functiondef('shop.peek_secret'::regproc)

SELECT obj_description(1, 'pg_class')

SELECT col_description(1, 1)

SELECT has_table_privilege('vault.secrets', 'SELECT')

SELECT has_column_privilege('shop.customers', 'email', 'SELECT')

SELECT 'vault.secrets'::regclass

SELECT to_regclass('vault.secrets')

SELECT 'postgres'::regrole

SELECT 'shop.peek_secret'::regproc

SELECT 'vault'::regnamespace::oid

SELECT CAST('pg_class' AS regclass)

SELECT regclass 'pg_class'

SELECT pg_catalog.regclass('pg_class')

SELECT format_type(23, NULL)

SELECT pg_table_is_visible(1)

SELECT current_schemas(true)

SELECT relname FROM corpus.pg_catalog.pg_class

SELECT x.relname::regclass FROM json_to_record('{"relname": "pg_class"}') AS x (relname regclass)

SELECT * FROM json_populate_record(NULL::pg_authid, '{}')

SELECT * FROM pg_timezone_names

SELECT * FROM pg_available_extensions

SELECT * FROM pg_config

SELECT pg_describe_object(1259, 1259, 0)

SELECT (aclexplode(relacl)).grantee FROM pg_class
