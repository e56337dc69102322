SELECT preferences -> 'lang', preferences ->> 'lang', preferences #> '{lang}', preferences #>> '{lang}' FROM customers LIMIT 1

SELECT count(*) FROM customers WHERE preferences @> '{"newsletter": true}'

SELECT count(*) FROM customers WHERE preferences ? 'lang' AND preferences ?| ARRAY['x', 'lang'] AND preferences ?& ARRAY['lang']

SELECT (preferences ->> 'visits')::int AS visits FROM customers WHERE (preferences ->> 'newsletter')::boolean ORDER BY 1 DESC LIMIT 3

SELECT key, value FROM customers, jsonb_each(preferences) WHERE customers.id = 1 ORDER BY key

SELECT k, count(*) FROM customers CROSS JOIN LATERAL jsonb_object_keys(preferences) AS k GROUP BY k ORDER BY k

SELECT e.key, e.value FROM customers c, jsonb_each_text(c.preferences) AS e WHERE c.id = 2 ORDER BY 1

SELECT p.id, s.size::int FROM products p, jsonb_array_elements_text(p.attributes -> 'sizes') AS s (size) WHERE p.id < 3 ORDER BY 1, 2

SELECT jsonb_array_length(attributes -> 'sizes'), jsonb_typeof(attributes) FROM products LIMIT 1

SELECT attributes ->> 'color' AS color, avg(price) FROM products GROUP BY color ORDER BY color

SELECT attributes['color'] FROM products ORDER BY id LIMIT 1

SELECT jsonb_path_query(attributes, '$.sizes[*] ? (@ > 39)') FROM products ORDER BY 1 LIMIT 2

SELECT count(*) FROM products WHERE attributes @? '$.sizes[*] ? (@ > 10)' AND attributes @@ '$.color == "red"'

SELECT jsonb_set(attributes, '{color}', '"black"'), attributes - 'color', attributes || '{"a": 1}' FROM products ORDER BY id LIMIT 1

SELECT jsonb_build_object('id', id, 'nested', jsonb_build_array(1, 'a', NULL)), jsonb_strip_nulls('{"a": null}') FROM orders LIMIT 1

SELECT row_to_json(o) FROM (SELECT id, total FROM orders ORDER BY id LIMIT 2) o

SELECT to_jsonb(t) FROM (SELECT id, title FROM categories ORDER BY id LIMIT 2) AS t

SELECT json_build_object('customers', json_agg(c.name ORDER BY c.id)) FROM customers c WHERE c.id < 4

SELECT x.a, x.b FROM jsonb_to_record('{"a": 1, "b": "x"}') AS x (a int, b text)

SELECT x.id, x.qty FROM jsonb_to_recordset('[{"id": 1, "qty": 2}, {"id": 3}]') AS x (id int, qty numeric) ORDER BY 1

SELECT * FROM json_to_recordset('[{"a": 1}]') AS r (a integer)

SELECT json_extract_path_text('{"a": {"b": 1}}', 'a', 'b'), json_array_length('[1, 2]'), json_typeof('1')

SELECT value ->> 'color' FROM (SELECT attributes AS value FROM products) v ORDER BY 1 LIMIT 1

SELECT jsonb_pretty('{"a": 1}'), '[1, 2]'::jsonb @> '1', '{"a": 1}'::json ->> 'a', '"x"'::jsonb #>> '{}'

SELECT c.name, json_agg(o) FROM customers c JOIN (SELECT customer_id, id FROM orders WHERE id < 10 ORDER BY id) o ON o.customer_id = c.id GROUP BY c.name ORDER BY 1

SELECT array_to_json(ARRAY[1, 2]), jsonb_insert('{"a": [1]}', '{a, 0}', '0'), jsonb_object('{a, 1}')
