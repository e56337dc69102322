SELECT query_to_xml('SELECT value FROM vault.secrets', true, false, '')

SELECT * FROM query_to_xml('DROP TABLE shop.orders', true, false, '') x

SELECT query_to_xmlschema('SELECT 1', true, false, '')

SELECT query_to_xml_and_xmlschema('SELECT 1', true, false, '')

SELECT table_to_xml('vault.secrets', true, false, '')

SELECT table_to_xmlschema('vault.secrets', true, false, '')

SELECT schema_to_xml('vault', true, false, '')

SELECT schema_to_xml_and_xmlschema('vault', true, false, '')

SELECT database_to_xml(true, false, '')

SELECT database_to_xmlschema(true, false, '')

SELECT cursor_to_xml('custard', 10, true, false, '')

SELECT * FROM ts_stat('SELECT to_tsvector(value) FROM vault.secrets')

SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, value::tsquery FROM vault.secrets')

SELECT * FROM crosstab('SELECT 1, 2, value FROM vault.secrets') AS ct (a int, b text)

SELECT * FROM connectby('vault.secrets', 'id', 'id', '1', 0) AS t (a int, b int, c int)

SELECT xpath('/a', query_to_xml('SELECT 1', true, false, ''))

SELECT pg_get_expr('x', 0)

SELECT plpgsql_call_handler()

SELECT pg_input_is_valid('x', 'int')

SELECT eval('SELECT 1')

SELECT xmlparse(DOCUMENT '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>')

SELECT '<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>'::xml

SELECT * FROM xmltable('/x' PASSING '<x/>'::xml COLUMNS a int)

SELECT xmlelement(NAME a, (SELECT value FROM vault.secrets LIMIT 1))
