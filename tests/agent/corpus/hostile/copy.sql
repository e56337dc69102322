COPY shop.orders TO STDOUT

COPY shop.orders FROM STDIN

COPY shop.orders TO '/tmp/custard-canary'

COPY (SELECT value FROM vault.secrets) TO STDOUT

COPY shop.orders TO PROGRAM 'touch /tmp/custard-canary'

COPY shop.orders FROM PROGRAM 'id'

COPY (DELETE FROM shop.orders RETURNING *) TO STDOUT
