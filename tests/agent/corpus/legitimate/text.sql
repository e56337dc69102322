SELECT length(name), char_length(name), octet_length(name), bit_length(name) FROM customers LIMIT 1

SELECT substring(name FROM 1 FOR 4), substring(name, 5), substring(name FROM '\d+'), substr(name, 2, 3), left(name, 3), right(name, 2) FROM customers LIMIT 1

SELECT position('o' IN name), strpos(name, 'o'), overlay(name PLACING 'X' FROM 1 FOR 2), replace(name, 'C', 'K'), translate(name, 'abc', 'xyz') FROM customers LIMIT 1

SELECT trim(name), trim(both 'C' from name), ltrim(name, 'C'), rtrim(name, '0'), btrim(name), trim(leading from name) FROM customers LIMIT 1

SELECT split_part(name, ' ', 2), string_to_array(name, ' '), regexp_split_to_array(name, '\s+') FROM customers LIMIT 1

SELECT regexp_replace(name, '\d+', '#', 'g'), regexp_match(name, '(\w+) (\d+)'), regexp_matches(name, '\d') FROM customers LIMIT 1

SELECT (regexp_match(name, '(\d+)'))[1]::int FROM customers ORDER BY id LIMIT 2

SELECT concat(name, ' ', NULL, region), concat_ws(', ', name, NULL, region), format('%s (%s) %I %L %%', name, region, 'a b', 'it''s') FROM customers LIMIT 1

SELECT format('%1$s %2$5s|%-10s', name, id, region) FROM customers LIMIT 1

SELECT lpad(id::text, 5, '0'), rpad(name, 20, '.'), repeat('-', 20), repeat('*', id) FROM customers ORDER BY id LIMIT 3

SELECT initcap('hello world'), lower('ÄÖ'), upper('straße'), reverse('abc'), ascii('a'), chr(228), md5('x')

SELECT encode('abc'::bytea, 'base64'), decode('YWJj', 'base64'), encode(sha256('abc'), 'hex'), to_hex(255)

SELECT name, similarity_free FROM (SELECT name, length(name) AS similarity_free FROM customers) s ORDER BY 2 DESC, 1 LIMIT 1

SELECT starts_with(name, 'Cust'), name ^@ 'Cust' FROM customers LIMIT 1

SELECT unnest(string_to_array('a,b,c', ',')), string_to_table('x y', ' ')

SELECT word, count(*) FROM products, regexp_split_to_table(description, '\s+') AS word GROUP BY word ORDER BY 2 DESC, 1 LIMIT 5

SELECT title FROM products WHERE search @@ to_tsquery('english', 'number & !toy') ORDER BY id LIMIT 2

SELECT title, ts_rank(search, q) FROM products, plainto_tsquery('english', 'fine number') AS q WHERE search @@ q ORDER BY 2 DESC, 1 LIMIT 2

SELECT ts_headline('english', description, websearch_to_tsquery('english', 'fine -bad')) FROM products ORDER BY id LIMIT 1

SELECT to_tsvector('simple', 'a b c'), phraseto_tsquery('english', 'fat cats'), setweight(to_tsvector('x'), 'A'), numnode('a & b'::tsquery)

SELECT quote_ident('a b'), quote_literal('it''s'), quote_nullable(NULL), to_number('1,234.5', '9G999D9')

SELECT name FROM customers WHERE lower(name) IN ('customer 1', 'customer 2') ORDER BY name

SELECT 'abc' < 'abd', 'a' LIKE ANY (ARRAY['a%', 'b%']), 'x' NOT ILIKE ALL (ARRAY['a%'])

SELECT normalize('é', NFD) IS NORMALIZED, unistr('\0441'), 'a' IS NFC NORMALIZED

SELECT string_agg(initial, '') FROM (SELECT left(part, 1) AS initial FROM unnest(string_to_array('Ada King Lovelace', ' ')) AS part) s

SELECT convert_from(convert_to('ä', 'UTF8'), 'UTF8'), pg_typeof(1.5)::text
