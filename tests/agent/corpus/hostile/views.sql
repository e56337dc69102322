SELECT * FROM shop.peek

SELECT value FROM peek

SELECT * FROM shop.peek_again

SELECT * FROM shop.emails

SELECT email FROM shop.emails

SELECT email FROM shop.customer_cards

SELECT v.email FROM customer_cards v

SELECT id FROM customer_cards WHERE email LIKE 'C%'

SELECT * FROM shop.rich

SELECT * FROM shop.leaking

SELECT * FROM shop.roles

SELECT * FROM shop.settings

SELECT o.id FROM orders o WHERE o.id IN (SELECT id FROM peek)

SELECT * FROM customer_cards NATURAL JOIN emails

SELECT p.value FROM orders o, LATERAL (SELECT * FROM peek) p
