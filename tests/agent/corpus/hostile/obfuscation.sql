SELECT/**/value/**/FROM/**/vault.secrets

SELECT value FROM vault . secrets

SELECT "value" FROM "vault"."secrets"

SELECT value FROM U&"v\0061ult".U&"s\0065crets"

SELECT value FROM U&"v!0061ult" UESCAPE '!'.secrets

SELECT value FROM VAULT.SECRETS

SELECT value FROM/* comment -- */vault.secrets--

SELECT value FROM vault.secrets -- harmless

SELECT * FROM vault.secrets WHERE 'a' = E'\x61'

/* SELECT 1 */ DELETE FROM shop.orders

/* /* nested */ */ DROP TABLE shop.orders

--
DROP TABLE shop.orders

SELECT 1 --
; DROP TABLE shop.orders

sElEcT vAlUe FrOm VaUlT.sEcReTs

SELECT "pg_catalog"."pg_sleep"(1)

SELECT pg_catalog . pg_sleep ( 1 )

SELECT "PG_SLEEP"(1)

SELECT U&"\0070g_sleep"(1)

SELECT '' AS "'; DROP TABLE shop.orders --", pg_sleep(1)

SELECT E'\'; DROP TABLE shop.orders; --'; SELECT 1

SELECT $x$ $$; $x$; DELETE FROM shop.orders

SELECT * FROM "shop"."orders"; DROP TABLE shop.orders --"

SELECT ((((value)))) FROM ((vault.secrets))

SELECT value FROM ONLY vault.secrets

SELECT value FROM vault.secrets*

TABLE vault.secrets

TABLE ONLY vault.secrets

SELECT 'a' 'b', value FROM vault.secrets

SELECT 1 FROM pg_sleep (1) AS "count"
