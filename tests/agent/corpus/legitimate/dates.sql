SELECT date_trunc('month', placed_at)::date AS month, sum(total) FROM orders GROUP BY 1 ORDER BY 1

SELECT date_trunc('day', placed_at, 'Europe/Berlin') AS day, count(*) FROM orders GROUP BY 1 ORDER BY 1 LIMIT 3

SELECT extract(year FROM placed_at), extract(epoch FROM shipped_at - placed_at) / 3600 FROM orders WHERE shipped_at IS NOT NULL ORDER BY 1, 2 LIMIT 3

SELECT date_part('quarter', placed_at), count(*) FROM orders GROUP BY 1 ORDER BY 1

SELECT to_char(placed_at, 'YYYY-MM'), to_char(total, 'FM999G990D00') FROM orders ORDER BY id LIMIT 2

SELECT age(timestamp '2025-01-01', timestamp '2023-06-15'), justify_days(interval '45 days'), justify_interval(interval '1 month -1 hour')

SELECT count(*) FROM orders WHERE placed_at >= date '2024-02-01' AND placed_at < date '2024-02-01' + interval '1 month'

SELECT count(*) FROM orders WHERE placed_at > now() - interval '100 years'

SELECT placed_at AT TIME ZONE 'UTC', timezone('Asia/Tokyo', placed_at) FROM orders ORDER BY id LIMIT 1

SELECT day::date, count(o.id) FROM generate_series(date '2024-01-01', date '2024-01-31', interval '1 day') AS day LEFT JOIN orders o ON o.placed_at::date = day::date GROUP BY day ORDER BY day

SELECT d::date FROM generate_series((SELECT min(placed_at) FROM orders), (SELECT max(placed_at) FROM orders), '1 month') AS g (d)

SELECT make_date(2024, 2, 29), make_interval(days => 10), make_timestamptz(2024, 1, 1, 0, 0, 0, 'UTC'), make_time(8, 30, 0)

SELECT to_date('05 Dec 2000', 'DD Mon YYYY'), to_timestamp(1700000000), to_timestamp('2024', 'YYYY')

SELECT date '2024-03-31' - date '2024-03-01', date '2024-03-31' + 1, timestamp '2024-01-01' - interval '1 year 2 months'

SELECT (timestamp '2024-01-01', timestamp '2024-02-01') OVERLAPS (timestamp '2024-01-15', interval '1 month')

SELECT isfinite(placed_at), isfinite(date 'infinity') FROM orders LIMIT 1

SELECT date_bin('15 minutes', placed_at, timestamp '2024-01-01') FROM orders ORDER BY id LIMIT 2

SELECT interval '1 day' * 3, interval '10:00' / 2, interval '1' month, interval '2 days 03:04:05' hour to second

SELECT extract(isodow FROM date '2024-01-01'), extract(week FROM date '2024-12-30'), extract(isoyear FROM date '2024-12-30'), extract('month' FROM date '2024-05-05')

SELECT now()::date - signed_up::date > 0 FROM customers LIMIT 1

SELECT date_part('year', age(date '2024-06-01', birthday)) AS age, count(*) FROM customers GROUP BY 1 ORDER BY 1 LIMIT 3

SELECT placed_at::time, placed_at::date, placed_at::timestamp(0) FROM orders ORDER BY id LIMIT 1

SELECT timestamp with time zone '2024-01-01 12:00+02', time '04:05', timetz '04:05+01', current_time(0) IS NOT NULL, localtimestamp(2) IS NOT NULL

SELECT date_trunc('week', placed_at) AS week, count(DISTINCT customer_id) FROM orders WHERE placed_at BETWEEN '2024-01-01' AND '2024-03-01' GROUP BY week ORDER BY week

SELECT (date_trunc('month', date '2024-02-10') + interval '1 month - 1 day')::date AS last_day

SELECT clock_timestamp() >= statement_timestamp(), transaction_timestamp() = now()

SELECT to_char(interval '90 minutes', 'HH24:MI'), to_char(date '2024-01-01', 'Day'), to_char(12345.678, '9.99EEEE')
