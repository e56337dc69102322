-- A hospital whose every value says where it lies, so that one which leaves under a policy that hides it is seen.
CREATE SCHEMA care;
CREATE SCHEMA desk;
CREATE TYPE care.address AS (street text, town text);
CREATE TABLE care.patient (
    id int PRIMARY KEY, name text, ssn text, born date, home care.address, meta jsonb, tags text[], note text,
    loud text GENERATED ALWAYS AS (upper(name)) STORED
);
INSERT INTO care.patient (id, name, ssn, born, home, meta, tags, note)
SELECT g, '<patient.name>' || g, '<patient.ssn>' || g, date '2000-01-01' + g,
    ROW('<patient.home>' || g, '<patient.home>')::care.address, jsonb_build_object('k', '<patient.meta>' || g),
    ARRAY['<patient.tags>' || g], CASE WHEN g % 3 = 0 THEN '<closed>' || g ELSE 'open' || g END
FROM generate_series(1, 30) g;
CREATE TABLE care.visit (id int, pid int, at timestamptz, ward text, diag text, cost numeric) PARTITION BY RANGE (at);
CREATE TABLE care.visit_a PARTITION OF care.visit FOR VALUES FROM ('2020-01-01') TO ('2021-01-01') PARTITION BY LIST (ward);
CREATE TABLE care.visit_a1 PARTITION OF care.visit_a FOR VALUES IN ('ward 1');
CREATE TABLE desk.visit_a2 PARTITION OF care.visit_a DEFAULT;
CREATE TABLE care.visit_b PARTITION OF care.visit DEFAULT;
INSERT INTO care.visit
SELECT g, 1 + g % 30, timestamptz '2020-01-01 00:00+00' + g * interval '9 days', 'ward ' || g % 3, '', g FROM generate_series(1, 90) g;
CREATE TABLE care.base (id int, a text);
CREATE TABLE care.kid (b text) INHERITS (care.base);
CREATE TABLE desk.grandkid (c text) INHERITS (care.kid);
INSERT INTO care.base SELECT g FROM generate_series(1, 3) g;
INSERT INTO care.kid SELECT g FROM generate_series(4, 6) g;
INSERT INTO desk.grandkid SELECT g, '', '', '<grandkid.c>' || g FROM generate_series(7, 9) g;
UPDATE care.visit SET diag = '<' || split_part(tableoid::regclass::text, '.', 2) || '.diag>' || id;
UPDATE care.base SET a = '<' || split_part(tableoid::regclass::text, '.', 2) || '.a>' || id;
UPDATE care.kid SET b = '<' || split_part(tableoid::regclass::text, '.', 2) || '.b>' || id;
CREATE VIEW desk.v1 AS SELECT id, name AS n, ssn AS s, home, note FROM care.patient;
CREATE VIEW desk.v2 AS SELECT v.id, v.n, v.s, x.diag FROM desk.v1 v JOIN care.visit x ON x.pid = v.id;
CREATE VIEW desk.v3 WITH (security_barrier) AS SELECT n, count(*) AS c, max(diag) AS d FROM desk.v2 GROUP BY n;
CREATE VIEW desk.v4 AS SELECT p, to_jsonb(p) AS j, p.* FROM care.patient p;
CREATE VIEW desk.v5 AS SELECT id, (SELECT max(ssn) FROM care.patient) AS m FROM care.base UNION ALL SELECT pid, diag FROM care.visit;
CREATE VIEW desk.v6 AS WITH c AS (SELECT ssn, id FROM care.patient)
    SELECT c.id, length(ssn) AS l, row_number() OVER (ORDER BY ssn) AS r FROM c;
CREATE MATERIALIZED VIEW desk.m1 AS SELECT id, ssn, note FROM care.patient;
CREATE MATERIALIZED VIEW desk.m2 AS SELECT n, d FROM desk.v3;
CREATE VIEW desk.v7 AS SELECT * FROM desk.m1 NATURAL JOIN care.base;
ANALYZE;
