SELECT dblink('host=127.0.0.1', 'SELECT 1')

SELECT dblink_connect('host=127.0.0.1 user=postgres')

SELECT * FROM dblink('dbname=corpus', 'SELECT value FROM vault.secrets') AS t (v text)

SELECT dblink_exec('dbname=corpus', 'DROP TABLE shop.orders')

SELECT * FROM dblink_get_pkey('shop.orders')

SELECT inet_server_addr(), inet_server_port()

SELECT inet_client_addr()

SELECT * FROM pg_stat_wal_receiver

SELECT http_get('http://example.org')

SELECT net.http_post('http://example.org', '{}')

SELECT postgres_fdw_get_connections()

SELECT pg_catalog.inet_client_port()

SELECT * FROM http('GET')
