-- from 16
SELECT any_value(region) IS NOT NULL FROM customers

-- from 16
SELECT JSON_ARRAYAGG(id ORDER BY id), JSON_OBJECT('a': 1, 'b': 2), JSON_ARRAY(1, 2) FROM categories

-- from 16
SELECT '{"a": 1}' IS JSON, '[1]' IS JSON ARRAY, 'x' IS NOT JSON

-- from 17
SELECT JSON_VALUE(preferences, '$.lang'), JSON_QUERY(preferences, '$'), JSON_EXISTS(preferences, '$.visits') FROM customers LIMIT 1

-- from 17
SELECT c.id, j.lang, j.visits FROM customers c, JSON_TABLE(c.preferences, '$' COLUMNS (lang text PATH '$.lang', visits int PATH '$.visits')) AS j WHERE c.id < 4 ORDER BY 1

-- from 16
SELECT array_sample(ARRAY[1, 2, 3], 2) IS NOT NULL, 0x1F, 0b11, 0o17, 1_000_000

-- from 16
SELECT date_add(timestamptz '2024-01-01 00:00+00', interval '1 day', 'UTC'), system_free FROM (SELECT 1 AS system_free) s

-- from 17
SELECT to_bin(5), to_oct(8), uuid_extract_version('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')

-- from 18
SELECT uuidv7() IS NOT NULL, casefold('ẞ'), array_sort(ARRAY[2, 1]), reverse('\x0102'::bytea)

-- from 18
SELECT array_reverse(ARRAY[1, 2]), crc32('abc'::bytea), gamma(5)
