SELECT pg_read_file('/etc/passwd')

SELECT pg_read_file('postgresql.conf', 0, 100)

SELECT pg_read_binary_file('/etc/passwd')

SELECT * FROM pg_read_file('/etc/passwd') AS content

SELECT pg_ls_dir('.')

SELECT * FROM pg_ls_dir('/')

SELECT * FROM pg_ls_logdir()

SELECT * FROM pg_ls_waldir()

SELECT * FROM pg_ls_tmpdir()

SELECT * FROM pg_ls_archive_statusdir()

SELECT pg_stat_file('/etc/passwd')

SELECT (pg_stat_file('postgresql.conf')).size

SELECT pg_current_logfile()

SELECT pg_file_write('/tmp/custard-canary', 'x', false)

SELECT pg_file_read('/etc/passwd', 0, 10)

SELECT pg_logdir_ls()

SELECT pg_import_system_collations('shop')

SELECT * FROM pg_hba_file_rules

SELECT * FROM pg_ident_file_mappings

SELECT pg_relation_filepath('shop.orders')

SELECT pg_tablespace_location(1663)

SELECT x FROM unnest(ARRAY['/etc/passwd']) AS f, LATERAL pg_read_file(f) AS x

SELECT id FROM shop.orders WHERE length(pg_read_file('/etc/passwd')) > id

SELECT CASE WHEN true THEN pg_read_file('/etc/hostname') END

SELECT string_agg(pg_read_file(f), ',') FROM pg_ls_dir('.') AS f

SELECT * FROM shop.orders ORDER BY pg_read_file('/etc/passwd')

SELECT count(*) FILTER (WHERE pg_read_file('/etc/passwd') IS NULL) FROM shop.orders

SELECT "pg_read_file"('/etc/passwd')

SELECT pg_catalog."pg_read_file"('/etc/passwd')

SELECT U&"pg\005Fread\005Ffile"('/etc/passwd')
