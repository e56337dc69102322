-- A chain of bakeries. Small on purpose: every answer can be checked by hand.
CREATE TABLE shop (shop_id integer PRIMARY KEY, name text NOT NULL, city text NOT NULL, opened date NOT NULL);
CREATE TABLE product (product_id integer PRIMARY KEY, title text NOT NULL, kind text NOT NULL, price numeric(6,2) NOT NULL, is_vegan boolean NOT NULL);
CREATE TABLE staff (staff_id integer PRIMARY KEY, shop_id integer REFERENCES shop, full_name text NOT NULL, job text NOT NULL, hired date NOT NULL);
CREATE TABLE sale (sale_id integer PRIMARY KEY, shop_id integer NOT NULL REFERENCES shop, sold_on date NOT NULL);
CREATE TABLE sale_line (sale_id integer NOT NULL REFERENCES sale, product_id integer NOT NULL REFERENCES product, pieces integer NOT NULL, PRIMARY KEY (sale_id, product_id));
COMMENT ON TABLE sale_line IS 'What was sold: one row for each product of a sale';
COMMENT ON COLUMN sale_line.pieces IS 'How many pieces were sold';
COMMENT ON COLUMN product.kind IS 'bread, cake or drink';

INSERT INTO shop VALUES
  (1, 'Mill Lane', 'Leeds', '2015-03-01'), (2, 'Harbour', 'Hull', '2018-06-15'), (3, 'Station', 'Leeds', '2021-09-20');
INSERT INTO product VALUES
  (1, 'Rye Loaf', 'bread', 4.20, true), (2, 'Baguette', 'bread', 2.10, true), (3, 'Cheese Scone', 'bread', 2.80, false),
  (4, 'Carrot Cake', 'cake', 3.50, false), (5, 'Almond Slice', 'cake', 3.20, true), (6, 'Coffee', 'drink', 2.60, true);
INSERT INTO staff VALUES
  (1, 1, 'Ada Brook', 'Baker', '2015-03-01'), (2, 1, 'Ben Cole', 'Baker', '2019-01-10'), (3, 1, 'Cat Dunn', 'Seller', '2020-05-05'),
  (4, 2, 'Dan Eyre', 'Baker', '2018-06-15'), (5, 2, 'Eve Ford', 'Seller', '2022-02-01'), (6, 3, 'Flo Gray', 'Seller', '2021-09-20');
INSERT INTO sale VALUES
  (1, 1, '2024-01-05'), (2, 1, '2024-01-20'), (3, 2, '2024-02-02'), (4, 2, '2024-02-14'), (5, 3, '2024-03-03'),
  (6, 1, '2023-12-24'), (7, 3, '2023-11-11'), (8, 1, '2024-03-30');
INSERT INTO sale_line VALUES
  (1, 1, 2), (1, 6, 1), (2, 2, 5), (3, 4, 1), (3, 6, 2), (4, 5, 3), (5, 1, 1), (5, 3, 4), (6, 4, 6), (7, 2, 2), (8, 1, 1), (8, 2, 1);
