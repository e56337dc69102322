"""The queries that read the catalog: flat, over ``pg_catalog``, the same on every server from 13 on."""

from __future__ import annotations

HEAD: str = """
select current_database()::text, current_setting('server_version_num'),
       array(select s::text from unnest(current_schemas(false)) as s
             where s::text not like 'pg\\_%' and s::text <> 'information_schema')
"""

RELATIONS: str = """
select c.oid::int8, n.nspname::text, c.relname::text, c.relkind::text, e.extname::text,
       case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
       array(select a.attname::text from pg_catalog.pg_index i
             join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
             where i.indrelid = c.oid and i.indisprimary),
       coalesce(c.reloptions && array['security_barrier=true', 'security_barrier=on', 'security_barrier=1',
                                      'security_barrier=yes', 'security_barrier=t'], false),
       case when c.relkind in ('v', 'm') then (
           select r.xmin::text from pg_catalog.pg_rewrite r
           where r.ev_class = c.oid and r.rulename = '_RETURN') end
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_depend d
  on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.objsubid = 0 and d.deptype = 'e'
left join pg_catalog.pg_extension e on e.oid = d.refobjid
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""

HOLDS: str = """
holds(below, above) as (
  select t.typbasetype, t.oid from pg_catalog.pg_type t where t.typtype = 'd'
  union all select t.typelem, t.oid from pg_catalog.pg_type t where t.typelem <> 0 and t.typlen = -1
  union all select a.atttypid, c.reltype from pg_catalog.pg_attribute a
            join pg_catalog.pg_class c on c.oid = a.attrelid
            where a.attnum > 0 and not a.attisdropped and c.reltype <> 0
  union all select r.rngsubtype, r.rngtypid from pg_catalog.pg_range r
  union all select r.rngtypid, m.id from pg_catalog.pg_range r,
            lateral (select (to_jsonb(r) ->> 'rngmultitypid')::oid as id) m where m.id is not null
)
"""
"""Which type lies directly inside which; servers before 14 have no multiranges."""

JOINING: str = """
joining(id, outline) as (
  select t.oid, t.typname in ('path', 'polygon') from pg_catalog.pg_type t
  where t.oid < 16384 and t.typname in ('path', 'polygon', 'tsquery', '_int4') or t.typtype = 'm'
  union select h.above, j.outline from joining j join holds h on h.below = j.id
)
"""
"""Types of which an operator other than ``||`` makes one value of two, and those that hold one; ``_int4`` is
intarray's."""

COLUMNS: str = f"""
with recursive {HOLDS}, {JOINING}
select a.attrelid::int8, a.attnum::int, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
       coalesce((select case when bool_or(j.outline) then 'outlines' else 'joins' end
                 from joining j where j.id = a.atttypid having count(*) > 0), '')
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by a.attrelid, a.attnum
"""  # noqa: S608 (ours)

COMPUTED: str = """
select distinct a.attrelid::int8 as r, a.attname::text as g, b.attname::text as c
from pg_catalog.pg_attribute a
left join pg_catalog.pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
join pg_catalog.pg_depend d
  on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = a.attrelid and d.refobjsubid <> a.attnum
  and (d.classid = 'pg_catalog.pg_class'::regclass and d.objid = a.attrelid and d.objsubid = a.attnum
       or d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = f.oid)
join pg_catalog.pg_attribute b on b.attrelid = a.attrelid and b.attnum = d.refobjsubid
where a.attnum > 0 and not a.attisdropped and a.attgenerated <> ''
"""

INHERITS: str = "select inhrelid::int8, inhparent::int8 from pg_catalog.pg_inherits"

READS: str = """
select distinct r.ev_class::int8, d.refobjid::int8, a.attname::text, n.nspname::text
from pg_catalog.pg_rewrite r
join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
  and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> r.ev_class
join pg_catalog.pg_class c on c.oid = d.refobjid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid and d.refobjsubid
> 0
where c.relkind <> 'c'
"""

CALLS: str = """
select distinct r.ev_class::int8, n.nspname || '.' || p.proname
from pg_catalog.pg_rewrite r
join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
  and d.refclassid = 'pg_catalog.pg_proc'::regclass
join pg_catalog.pg_proc p on p.oid = d.refobjid
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname <> 'pg_catalog'
"""

BUILTINS: str = """
select p.proname::text,
       bool_or(p.oid >= 16384 and not exists (
           select from pg_catalog.pg_depend d
           where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'))
from pg_catalog.pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace group by 1
"""

CHECKED: str = f"""
{HOLDS},
opclasses(id, typ, usual) as (
  select c.oid, c.opcintype, c.opcdefault from pg_catalog.pg_opclass c
  join pg_catalog.pg_am m on m.oid = c.opcmethod and m.amname in ('btree', 'hash')
  join pg_catalog.pg_amproc f on f.amprocfamily = c.opcfamily and f.amproclefttype = c.opcintype
  where f.amproc::oid >= 16384
    and not exists (select from pg_catalog.pg_depend e where e.classid = 'pg_catalog.pg_proc'::regclass
                    and e.objid = f.amproc::oid and e.deptype = 'e')
),
ordered(id) as (
  select o.typ from opclasses o where o.usual
  union select r.rngtypid from pg_catalog.pg_range r where r.rngsubopc in (select o.id from opclasses o)
  union select h.above from ordered join holds h on h.below = ordered.id
),
checked(id) as (
  select k.contypid from pg_catalog.pg_constraint k
  join pg_catalog.pg_depend f on f.classid = 'pg_catalog.pg_constraint'::regclass and f.objid = k.oid
    and f.refclassid in ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass)
  where k.contypid <> 0 and not exists (
    select from pg_catalog.pg_depend e
    where e.classid = f.refclassid and e.objid = f.refobjid and e.deptype = 'e')
  union select h.above from checked join holds h on h.below = checked.id
)
"""  # noqa: S608 (ours)
"""Types whose values the owner's functions compare (``ordered``) or check (``checked``)."""

TYPES: str = f"""
with recursive {CHECKED}, {JOINING}
select n.nspname::text, t.typname::text, t.typtype::text, e.extname::text,
       coalesce(c.relkind <> 'c', false),
       t.oid in (select id from checked union select id from ordered),
       coalesce((select case when bool_or(j.outline) then 'outlines' else 'joins' end
                 from joining j where j.id = t.oid having count(*) > 0), '')
from pg_catalog.pg_type t
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_class c on c.oid = t.typrelid
left join pg_catalog.pg_depend d
  on d.classid = 'pg_catalog.pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'
left join pg_catalog.pg_extension e on e.oid = d.refobjid
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and t.typelem = 0
"""  # noqa: S608 (ours)

ROUTINES: str = f"""
with recursive {CHECKED}
select n.nspname::text as s, p.proname::text as f, e.extname::text as e,
       bool_and(p.prolang = 12 and p.prosrc ~ '^(multi)?range_constructor[0-3]$'
                and p.prorettype not in (select id from ordered)) as c,
       json_agg(json_build_array(p.pronargs - p.pronargdefaults, p.provariadic <> 0,
           array(select format_type(t.id, null) from unnest(p.proargtypes) with ordinality as t(id, place)
                 order by t.place))) as s
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
left join pg_catalog.pg_depend d
  on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
left join pg_catalog.pg_extension e on e.oid = d.refobjid
where n.nspname not in ('pg_catalog', 'information_schema')
group by 1, 2, 3
"""  # noqa: S608 (ours)

GUARDED: str = f"""
with recursive {CHECKED}
select a.attrelid::int8, a.attname::text, a.atttypid in (select id from ordered) as o,
       t.typcategory in ('A', 'C', 'R') as s
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm', 'f')
join pg_catalog.pg_type t on t.oid = a.atttypid
where a.attnum > 0 and not a.attisdropped
  and a.atttypid in (select id from checked union select id from ordered)
"""  # noqa: S608 (ours)

OPERANDS: str = """
select n.nspname::text, o.oprname::text, format_type(nullif(o.oprleft, 0), null) as l,
       format_type(nullif(o.oprright, 0), null) as r,
       exists (select from pg_catalog.pg_depend d
               where d.classid = 'pg_catalog.pg_operator'::regclass and d.objid = o.oid
                 and d.deptype = 'e') as e
from pg_catalog.pg_operator o
join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
where o.oid >= 16384
"""

SHARED_OPERANDS: str = """
select o.oprname::text, format_type(nullif(o.oprleft, 0), null) as l,
       format_type(nullif(o.oprright, 0), null) as r
from pg_catalog.pg_operator o
where o.oid < 16384 and exists (
    select from pg_catalog.pg_operator e
    join pg_catalog.pg_depend d
      on d.classid = 'pg_catalog.pg_operator'::regclass and d.objid = e.oid and d.deptype = 'e'
    where e.oid >= 16384 and e.oprname = o.oprname)
"""

OPERATORS: str = """
select distinct n.nspname::text, o.oprname::text, e.extname::text
from pg_catalog.pg_operator o
join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
left join pg_catalog.pg_depend d
  on d.classid = 'pg_catalog.pg_operator'::regclass and d.objid = o.oid and d.deptype = 'e'
left join pg_catalog.pg_extension e on e.oid = d.refobjid
where o.oid >= 16384 and n.nspname <> 'information_schema'
"""

COMPOSITES: str = """
select format_type(t.oid, null), a.attname::text, format_type(a.atttypid, a.atttypmod)
from pg_catalog.pg_type t
join pg_catalog.pg_class c on c.oid = t.typrelid and c.relkind = 'c'
join pg_catalog.pg_attribute a on a.attrelid = c.oid
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
where a.attnum > 0 and not a.attisdropped and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""

CASTS: str = f"""
with recursive {HOLDS},
own as (
  select c.oid as id, c.castsource, c.casttarget, c.castcontext = 'i' as implicit,
         n.nspname || '.' || p.proname as function, s.typname::text as source, t.typname::text as target,
         s.typcategory = t.typcategory as alike,
         s.oid < 16384 as builtin, p.oid as called, case when s.oid < 16384 then t.oid else s.oid end as held
  from pg_catalog.pg_cast c
  join pg_catalog.pg_type s on s.oid = c.castsource
  join pg_catalog.pg_type t on t.oid = c.casttarget
  join pg_catalog.pg_proc p on p.oid = c.castfunc
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.oid >= 16384
    and not exists (select from pg_catalog.pg_depend d
                    where d.classid = 'pg_catalog.pg_cast'::regclass and d.objid = c.oid and d.deptype = 'e')
),
means(id, typ) as (
  select id, casttarget from own
  union select m.id, t.oid from means m
  join pg_catalog.pg_type t on t.typbasetype = m.typ or (t.typelem = m.typ and t.typlen = -1)
),
carries(id, typ) as (
  select id, held from own where held >= 16384
  union select c.id, h.above from carries c join holds h on h.below = c.typ
)
select o.source, o.target, o.function, o.implicit, o.builtin,
       array(select t.typname::text from means m join pg_catalog.pg_type t on t.oid = m.typ
             where m.id = o.id),
       array(select t.typname::text from carries c join pg_catalog.pg_type t on t.oid = c.typ
             where c.id = o.id),
       array(select array[a.attrelid::text, a.attname::text] from carries c
             join pg_catalog.pg_attribute a on a.atttypid = c.typ
             where c.id = o.id and a.attnum > 0 and not a.attisdropped),
       o.called::int8, o.alike
from own o
"""  # noqa: S608 (ours)

SYSTEM_NAMES: str = """
select c.relname::text from pg_catalog.pg_class c where c.relnamespace = 'pg_catalog'::regnamespace
"""
