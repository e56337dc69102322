SELECT version()

SELECT current_user

SELECT session_user

SELECT user

SELECT current_role

SELECT current_database()

SELECT current_catalog

SELECT current_schema

SELECT current_schema()

SELECT system_user

SELECT pg_my_temp_schema()

SELECT getdatabaseencoding()

SELECT current_query()

SELECT txid_current_if_assigned()

SELECT row_security_active('shop.orders')

SELECT pg_get_userbyid(10)

SELECT icu_unicode_version()
