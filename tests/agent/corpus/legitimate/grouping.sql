SELECT region, count(*) FROM customers GROUP BY region HAVING count(*) > 5 ORDER BY 2 DESC, 1

SELECT c.id, c.name, c.region, count(o.id), sum(o.total) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id ORDER BY 5 DESC, 1 LIMIT 5

SELECT customers.id, customers.name, sum(total) FROM customers JOIN orders ON customer_id = customers.id GROUP BY customers.id ORDER BY customers.name LIMIT 5

SELECT c.name, count(*) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id, c.name HAVING sum(o.total) > 2000 ORDER BY c.region, c.id

SELECT c.id AS customer, upper(c.name), avg(o.total) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY customer ORDER BY 3 LIMIT 4

SELECT c.id, c.name, (SELECT count(*) FROM visits v WHERE v.customer_id = c.id) AS visits FROM customers c GROUP BY c.id ORDER BY 1 LIMIT 3

SELECT e.id, e.name, e.hired, count(s.id) FROM staff.employees e LEFT JOIN staff.employees s ON s.manager_id = e.id GROUP BY 1 ORDER BY 4 DESC, 1 LIMIT 4

SELECT region, country, count(*) FROM customers GROUP BY ROLLUP (region, country) ORDER BY 1 NULLS LAST, 2 NULLS LAST

SELECT region, country, count(*), grouping(region, country) FROM customers GROUP BY CUBE (region, country) ORDER BY 4, 1, 2

SELECT region, country, sum(credit_limit) FROM customers GROUP BY GROUPING SETS ((region), (country), ()) ORDER BY 1, 2

SELECT region, date_trunc('year', signed_up) AS y, count(*) FROM customers GROUP BY region, y ORDER BY 1, 2

SELECT state, count(*) FILTER (WHERE total > 500) AS big, count(*) FILTER (WHERE total <= 500) AS small FROM orders GROUP BY state ORDER BY state

SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total), percentile_disc(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY total) FROM orders

SELECT state, percentile_cont(0.9) WITHIN GROUP (ORDER BY total) FILTER (WHERE total > 10) FROM orders GROUP BY state ORDER BY 1

SELECT mode() WITHIN GROUP (ORDER BY region) FROM customers

SELECT rank(500) WITHIN GROUP (ORDER BY total), percent_rank(500) WITHIN GROUP (ORDER BY total) FROM orders

SELECT avg(total), stddev(total), stddev_pop(total), variance(total), var_samp(total), min(total), max(total) FROM orders

SELECT corr(quantity, unit_price), covar_pop(quantity, unit_price), regr_slope(unit_price, quantity), regr_intercept(unit_price, quantity), regr_r2(unit_price, quantity) FROM order_lines

SELECT bool_and("Gift Wrap"), bool_or("Gift Wrap"), every(total > 0) FROM orders

SELECT bit_and(id), bit_or(id) FROM orders

SELECT string_agg(name, ', ' ORDER BY id) FROM customers WHERE id < 5

SELECT string_agg(DISTINCT region, '/' ORDER BY region) FROM customers

SELECT array_agg(id ORDER BY total DESC) FROM orders WHERE customer_id = 3

SELECT customer_id, array_agg(DISTINCT state ORDER BY state) FROM orders GROUP BY 1 ORDER BY 1 LIMIT 4

SELECT json_agg(json_build_object('id', id, 'total', total) ORDER BY id) FROM orders WHERE id < 4

SELECT jsonb_object_agg(id, name) FROM customers WHERE id < 4

SELECT region, jsonb_agg(DISTINCT country) FROM customers GROUP BY region ORDER BY 1

SELECT sum(quantity * unit_price) AS revenue, sum(quantity * unit_price) / count(DISTINCT order_id) AS per_order FROM order_lines

SELECT extract(dow FROM placed_at) AS weekday, count(*) FROM orders GROUP BY extract(dow FROM placed_at) ORDER BY weekday

SELECT width_bucket(total, 0, 2200, 5) AS bucket, count(*), repeat('#', (count(*) / 10)::int) AS bar FROM orders GROUP BY 1 ORDER BY 1

SELECT count(*) FROM (SELECT DISTINCT customer_id, state FROM orders) t

SELECT round(100.0 * count(*) FILTER (WHERE state = 'returned') / nullif(count(*), 0), 2) AS return_rate FROM orders

SELECT product_id, sum(quantity) FROM order_lines GROUP BY product_id HAVING sum(quantity) = (SELECT max(s) FROM (SELECT sum(quantity) AS s FROM order_lines GROUP BY product_id) q)

SELECT min(signed_up), max(signed_up), max(signed_up) - min(signed_up) AS span FROM customers

SELECT GROUPING(region), region, avg(credit_limit)::numeric(12, 2) FROM customers GROUP BY ROLLUP (region) HAVING GROUPING(region) = 1

SELECT count(*) AS n, region FROM customers GROUP BY GROUPING SETS (region, ()) ORDER BY n DESC

SELECT c.region, c.id, c.name FROM customers c GROUP BY c.region, c.id ORDER BY c.id LIMIT 3

SELECT DISTINCT c.region, count(*) OVER (PARTITION BY c.region) FROM customers c ORDER BY 1

SELECT any_value_replacement FROM (SELECT min(region) AS any_value_replacement FROM customers) s

SELECT range_agg(available)::text FROM products WHERE id < 5
