\! id

\copy shop.orders to '/tmp/custard-canary'

\i /etc/passwd

\gexec

SELECT 'DROP TABLE shop.orders' \gexec

\c postgres

SELECT 1 \g /tmp/custard-canary

\set x 1
