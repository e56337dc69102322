LISTEN x

NOTIFY x

NOTIFY x, 'payload'

UNLISTEN *

SELECT pg_notify('x', 'payload')

SELECT pg_notify('x', name) FROM shop.customers

SELECT pg_listening_channels()

SELECT pg_notification_queue_usage()
