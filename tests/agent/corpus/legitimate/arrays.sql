SELECT tags, tags[1], tags[1:2], array_length(tags, 1), cardinality(tags), array_upper(tags, 1) FROM products LIMIT 1

SELECT id FROM products WHERE 'tag1' = ANY (tags) AND tags @> ARRAY['tag1'] AND tags && ARRAY['tag1', 'x'] ORDER BY id LIMIT 3

SELECT array_append(tags, 'x'), array_prepend('x', tags), array_cat(tags, tags), tags || 'y'::text, array_remove(tags, 'tag1'), array_replace(tags, 'tag1', 'z') FROM products ORDER BY id LIMIT 1

SELECT array_to_string(tags, ','), array_position(tags, 'tag1'), array_positions(tags, 'tag1') FROM products LIMIT 1

SELECT tag, count(*) FROM products CROSS JOIN unnest(tags) AS tag GROUP BY tag ORDER BY 2 DESC, 1

SELECT ARRAY(SELECT id FROM orders WHERE customer_id = 1 ORDER BY id), ARRAY[[1, 2], [3, 4]], '{1,2}'::int[]

SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b']) AS u (n, s)

SELECT i, (ARRAY['a', 'b', 'c'])[i] FROM generate_subscripts(ARRAY['a', 'b', 'c'], 1) AS i

SELECT array_agg(x) FROM (SELECT unnest(tags) AS x FROM products WHERE id < 3) s

SELECT array_fill(0, ARRAY[3]), array_ndims(ARRAY[[1]]), array_dims(ARRAY[1, 2]), trim_array(ARRAY[1, 2, 3], 1)

SELECT lower(available), upper(available), isempty(available), lower_inc(available) FROM products LIMIT 1

SELECT count(*) FROM products WHERE available @> date '2024-06-01' AND available && daterange('2024-01-01', '2024-12-31', '[]')

SELECT int4range(1, 10) * int4range(5, 15), numrange(1, 2) + numrange(2, 3), tstzrange(now(), NULL) @> now(), '[1,3]'::int4range

SELECT generate_series(1, 5), generate_series(10, 1, -3)

SELECT g, g * g AS square FROM generate_series(1, 10) AS g WHERE g % 2 = 0

SELECT a.n, b.n FROM generate_series(1, 3) AS a (n), generate_series(1, a.n) AS b (n) ORDER BY 1, 2

SELECT n FROM generate_series(1, 100) WITH ORDINALITY AS t (n, place) WHERE place <= 2

SELECT * FROM ROWS FROM (generate_series(1, 2), unnest(ARRAY['a', 'b', 'c'])) AS t (n, s)

SELECT host(source_ip), masklen(source_ip), source_ip << '10.0.0.0/8'::inet, network(source_ip), family(source_ip) FROM orders ORDER BY id LIMIT 1

SELECT gen_random_uuid() IS NOT NULL, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid

SELECT point(1, 2) <-> point(4, 6), box(point(0, 0), point(1, 1)) @> point(0.5, 0.5), area(box '((0,0),(2,2))')

SELECT '1010'::bit(4), B'1' | B'0', get_bit('\x01'::bytea, 0), '\xDEADBEEF'::bytea

SELECT enum_range(NULL::shop.order_state), enum_first(NULL::order_state), 'paid'::order_state > 'new'::order_state
