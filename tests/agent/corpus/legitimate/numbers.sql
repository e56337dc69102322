SELECT round(total, 1), round(total), trunc(total), ceil(total), floor(total), abs(-total), sign(total), mod(id, 7) FROM orders LIMIT 1

SELECT sqrt(2), cbrt(27), power(2, 10), exp(1), ln(10), log(100), log(2, 8), log10(1000), pi(), degrees(pi()), radians(180)

SELECT sin(0), cos(0), tan(0), atan2(1, 1), asin(0), sinh(1), cosd(60)

SELECT div(7, 2), gcd(12, 18), lcm(4, 6), factorial(5), width_bucket(5.3, 0, 10, 5), scale(1.50), min_scale(1.50), trim_scale(1.50)

SELECT random() < 1, round((random() * 100)::numeric, 2) >= 0

SELECT id FROM orders ORDER BY random() LIMIT 3

SELECT count(*) FROM orders TABLESAMPLE SYSTEM (100)

SELECT count(*) >= 0 FROM orders TABLESAMPLE BERNOULLI (50) REPEATABLE (7) WHERE total > 10

SELECT 'NaN'::numeric, 'Infinity'::float8, 1e308 * 1, -0.0::float8

SELECT 12345678901234567890123456789012345678901234567890.123456789

SELECT 9223372036854775807, (-32768)::smallint, 3.0::real, 1::money IS NOT NULL

SELECT sum(total)::numeric(20, 4), avg(id)::float, sum(id)::bigint FROM orders

SELECT discount, discount::numeric * 2 FROM products WHERE discount > 40 ORDER BY 1 LIMIT 2

SELECT 50::shop.percent, cast(10 AS percent)

SELECT net(119), shop.net(total) FROM orders ORDER BY id LIMIT 1

SELECT weight_kg * 2.20462 AS pounds FROM products ORDER BY id LIMIT 2

SELECT num_nulls(1, NULL), num_nonnulls(1, NULL)

SELECT ((((((((((1))))))))))

SELECT 1 + 2 * 3 - 4 / 2 % 3, (1 + 2) * 3, - (2 ^ 3), 2 ^ 3 ^ 2, NOT 1 > 2, 10 - (5 - 3), 10 - 5 - 3

SELECT 1 = 1 AND 2 <> 3 AND 2 != 3 OR 4 <= 5

SELECT ((1 < 2) = (3 < 4)) IS TRUE, (1 IS NOT NULL) = true
