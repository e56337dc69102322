SELECT lo_import('/etc/passwd')

SELECT lo_export(1, '/tmp/custard-canary')

SELECT lo_create(0)

SELECT lo_creat(-1)

SELECT lo_from_bytea(0, 'x')

SELECT lo_put(1, 0, 'x')

SELECT lo_get(1)

SELECT lo_unlink(1)

SELECT lo_open(1, 131072)

SELECT loread(0, 10)

SELECT lowrite(0, 'x')

SELECT lo_truncate(0, 0)

SELECT * FROM pg_largeobject

SELECT * FROM pg_largeobject_metadata
