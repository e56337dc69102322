-- Named queries over pg_catalog. Flat on purpose: at 10,000 tables nested or information_schema queries take
-- seconds to minutes, these take a fraction of one. Each row becomes a tuple of text; agent/introspect.py
-- puts them together and applies the policy. Every query sees only what the role itself may select.

-- name: server
-- Asked before the search path is pinned: the role's own is what unprefixed names mean.
SELECT pg_catalog.current_database(), pg_catalog.current_setting('server_version_num'),
       pg_catalog.array_to_json(pg_catalog.current_schemas(false));

-- name: relations
-- Tables, views, materialized and foreign ones, partitions with their parent; without temporary ones, and on a
-- standby without unlogged ones, which are empty there and refused.
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relispartition, c.reltuples::bigint,
       d.description, pn.nspname, p.relname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND c.relispartition
LEFT JOIN pg_class p ON p.oid = i.inhparent
LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND CASE c.relpersistence WHEN 't' THEN false WHEN 'u' THEN NOT pg_is_in_recovery() ELSE true END
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND n.nspname NOT LIKE 'pg\_temp\_%' AND n.nspname NOT LIKE 'pg\_toast\_temp\_%'
  AND has_schema_privilege(n.oid, 'USAGE')
  AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'))
ORDER BY n.nspname, c.relname;

-- name: columns
-- Their columns in order, with the oid of the type that may have enum labels: the type itself, the one below a
-- domain, or an array's element. Table privileges are asked once a table: a column's only where that fails.
WITH r AS MATERIALIZED (
    SELECT c.oid, has_table_privilege(c.oid, 'SELECT') AS whole
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
)
SELECT a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, d.description,
       CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typcategory = 'A' THEN t.typelem ELSE t.oid END
FROM r
JOIN pg_attribute a ON a.attrelid = r.oid
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_description d
  ON d.objoid = a.attrelid AND d.classoid = 'pg_class'::regclass AND d.objsubid = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped
  AND CASE WHEN r.whole THEN true ELSE has_column_privilege(a.attrelid, a.attnum, 'SELECT') END
ORDER BY a.attrelid, a.attnum;

-- name: keys
-- Primary and unique keys and foreign keys, as attribute numbers.
SELECT k.conrelid, k.contype, array_to_json(k.conkey), k.confrelid, array_to_json(k.confkey)
FROM pg_constraint k
JOIN pg_namespace n ON n.oid = k.connamespace
WHERE k.contype IN ('p', 'u', 'f') AND k.conrelid <> 0
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY k.conrelid, k.contype, k.conname;

-- name: enums
-- The labels of every enum, in order.
SELECT e.enumtypid, array_to_json(array_agg(e.enumlabel ORDER BY e.enumsortorder))
FROM pg_enum e
GROUP BY e.enumtypid;

-- name: samples
-- The commonest values of text columns that have few: what ANALYZE has kept, so no table is read.
SELECT s.schemaname, s.tablename, s.attname, array_to_json(s.most_common_vals::text::text[])
FROM pg_stats s
WHERE s.most_common_vals IS NOT NULL AND s.n_distinct BETWEEN 1 AND 50
  AND s.schemaname NOT IN ('pg_catalog', 'information_schema');

-- name: values
-- Every value of columns that have at most 50: there ANALYZE has kept them all, so no table is read.
SELECT s.schemaname, s.tablename, s.attname,
       array_to_json(coalesce(s.most_common_vals::text::text[], '{}') || coalesce(s.histogram_bounds::text::text[], '{}'))
FROM pg_stats s
JOIN pg_namespace n ON n.nspname = s.schemaname
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
WHERE s.schemaname NOT IN ('pg_catalog', 'information_schema')
  AND CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * c.reltuples ELSE s.n_distinct END BETWEEN 1 AND 50.5
  AND coalesce(cardinality(s.most_common_vals::text::text[]), 0)
    + coalesce(cardinality(s.histogram_bounds::text::text[]), 0)
    >= round(CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * c.reltuples ELSE s.n_distinct END);

-- name: texts
-- Columns of texts (domains over them included) with what is thought to be their tables' number of rows: below
-- 0 where nobody knows. A partitioned table has those of its partitions.
SELECT n.nspname, c.relname, a.attname, c.relkind,
       (CASE WHEN c.relkind = 'p' THEN
            (SELECT CASE WHEN bool_or(l.reltuples < 0) THEN -1 ELSE sum(l.reltuples) END
             FROM pg_partition_tree(c.oid) p JOIN pg_class l ON l.oid = p.relid WHERE l.relkind <> 'p')
        ELSE c.reltuples END)::bigint
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND t.typcategory = 'S'
  AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY n.nspname, c.relname, a.attnum;

-- name: state
-- Beside what the first query tells, one value that changes whenever anything does that a snapshot is made of, structure and grants alike: a row's
-- xmin is the transaction that wrote it. VACUUM and ANALYZE write statistics in place and change none.
SELECT md5(concat_ws('|',
    current_user,
    pg_is_in_recovery(),
    (SELECT concat_ws(',', count(*), sum(hashint8extended(oid::bigint, xmin::text::bigint)))
     FROM pg_class WHERE oid >= 16384),
    (SELECT concat_ws(',', count(*), sum(hashint8extended((attrelid::bigint << 16) + attnum, xmin::text::bigint)))
     FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0),
    (SELECT concat_ws(',', count(*), sum(hashint8extended(oid::bigint, xmin::text::bigint)))
     FROM pg_constraint WHERE oid >= 16384),
    (SELECT concat_ws(',', count(*), sum(hashtextextended(concat(objoid, ' ', objsubid, ' ', xmin), 3)))
     FROM pg_description WHERE objoid >= 16384),
    (SELECT concat_ws(',', count(*), sum(hashtextextended(concat(oid, ' ', xmin), 4))) FROM pg_enum),
    (SELECT concat_ws(',', count(*), sum(hashtextextended(concat(oid, ' ', xmin), 5))) FROM pg_namespace),
    (SELECT concat_ws(',', count(*), sum(hashtextextended(concat(inhrelid, ' ', inhparent, ' ', xmin), 6)))
     FROM pg_inherits),
    (SELECT concat_ws(',', count(*), sum(hashtextextended(concat(oid, ' ', xmin), 7)))
     FROM pg_rewrite WHERE oid >= 16384),
    (SELECT concat_ws(',', count(*), sum(hashint8extended(oid::bigint, xmin::text::bigint)))
     FROM pg_type WHERE oid >= 16384),
    (SELECT concat_ws(',', count(*), max(xmin::text::bigint), sum(xmin::text::bigint)) FROM pg_proc),
    (SELECT concat_ws(',', count(*), sum(hashtextextended(concat(oid, ' ', rolname, rolsuper, rolinherit), 9)))
     FROM pg_roles),
    (SELECT concat_ws(',', count(*), sum(hashtextextended(concat(roleid, ' ', member, ' ', xmin), 10)))
     FROM pg_auth_members)));
