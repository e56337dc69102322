SELECT nextval('shop.invoice_number')

SELECT setval('shop.invoice_number', 1)

SELECT currval('shop.invoice_number')

SELECT lastval()

SELECT last_value FROM shop.invoice_number

SELECT * FROM shop.invoice_number

SELECT pg_sequence_last_value('shop.invoice_number'::regclass)

SELECT * FROM pg_sequences

SELECT nextval('shop.invoice_number'::regclass) FROM shop.orders
