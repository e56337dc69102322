SELECT id, row_number() OVER (ORDER BY total DESC) FROM orders ORDER BY 2 LIMIT 5

SELECT customer_id, id, rank() OVER (PARTITION BY customer_id ORDER BY total DESC) AS r FROM orders ORDER BY 1, 3 LIMIT 10

SELECT id, dense_rank() OVER w, percent_rank() OVER w, cume_dist() OVER w, ntile(4) OVER w FROM orders WINDOW w AS (ORDER BY total) ORDER BY id LIMIT 5

SELECT id, total, lag(total) OVER (ORDER BY placed_at) AS before, lead(total, 2, 0) OVER (ORDER BY placed_at) AS after FROM orders ORDER BY id LIMIT 5

SELECT id, total - lag(total, 1) OVER (PARTITION BY customer_id ORDER BY placed_at) AS change FROM orders ORDER BY id LIMIT 5

SELECT id, sum(total) OVER (ORDER BY placed_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running FROM orders ORDER BY id LIMIT 5

SELECT id, avg(total) OVER (ORDER BY placed_at ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS moving FROM orders ORDER BY id LIMIT 5

SELECT id, avg(total) OVER (ORDER BY placed_at RANGE BETWEEN '7 days' PRECEDING AND CURRENT ROW) AS week FROM orders ORDER BY id LIMIT 5

SELECT id, count(*) OVER (ORDER BY customer_id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM orders ORDER BY id LIMIT 5

SELECT id, first_value(total) OVER w, last_value(total) OVER w, nth_value(total, 2) OVER w FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY placed_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) ORDER BY id LIMIT 5

SELECT region, count(*), sum(count(*)) OVER () AS all_of_them, round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS share FROM customers GROUP BY region ORDER BY 1

SELECT * FROM (SELECT o.*, row_number() OVER (PARTITION BY state ORDER BY total DESC) AS place FROM orders o) ranked WHERE place <= 2 ORDER BY state, place

SELECT m, total, total / nullif(lag(total) OVER (ORDER BY m), 0) - 1 AS growth FROM (SELECT date_trunc('month', placed_at) AS m, sum(total) AS total FROM orders GROUP BY 1) x ORDER BY m

SELECT customer_id, placed_at, placed_at - lag(placed_at) OVER (PARTITION BY customer_id ORDER BY placed_at) AS gap FROM orders ORDER BY 1, 2 LIMIT 8

SELECT id, sum(total) FILTER (WHERE state = 'paid') OVER (ORDER BY id) FROM orders ORDER BY id LIMIT 5

SELECT sum(total) OVER w AS a, count(*) OVER (w ROWS 2 PRECEDING) AS b FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY id) ORDER BY 1, 2 LIMIT 5

SELECT string_agg(title, ' > ') OVER (ORDER BY id) FROM categories

SELECT id, max(total) OVER (PARTITION BY date_trunc('month', placed_at)) FROM orders ORDER BY 1 LIMIT 4

SELECT session, count(*) FROM (SELECT id, sum(fresh) OVER (PARTITION BY customer_id ORDER BY at) AS session FROM (SELECT id, customer_id, at, CASE WHEN at - lag(at) OVER (PARTITION BY customer_id ORDER BY at) < interval '30 minutes' THEN 0 ELSE 1 END AS fresh FROM visits) v) s GROUP BY session ORDER BY session LIMIT 5

SELECT customer_id, count(*) FROM (SELECT customer_id, at::date - (row_number() OVER (PARTITION BY customer_id ORDER BY at::date))::int AS island FROM visits) g GROUP BY customer_id, island ORDER BY 2 DESC, 1 LIMIT 5
