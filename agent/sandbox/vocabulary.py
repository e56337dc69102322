"""The words that a statement may use: functions, operators, types and settings of ``pg_catalog`` by name.

An allow-list, because every deny-list misses names: a function that a later server adds is refused until it
is listed here. Nothing listed reads a file, a setting, the catalogs, another session or the network, keeps a
lock, writes, or runs SQL that it is given as text. A function's volatility is no guide to that:
``query_to_xml`` and ``ts_stat`` run any SQL, ``pg_read_file`` is merely volatile.
"""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


MATH = words("""
    abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh cot
    cotd degrees div erf erfc exp factorial floor gamma gcd lcm lgamma ln log log10 min_scale mod pi pow power
    radians random random_normal round scale sign sin sind sinh sqrt tan tand tanh trim_scale trunc
    width_bucket numeric_inc bit_count crc32 crc32c
    hashtext hashtextextended hashint4 hashint8 hashint4extended hashint8extended
""")
TEXT = words("""
    ascii bit_length btrim casefold char_length character_length chr concat concat_ws format initcap
    is_normalized left length like_escape lower lpad ltrim md5 normalize octet_length overlay parse_ident
    position quote_ident quote_literal quote_nullable regexp_count regexp_instr regexp_like regexp_match
    regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr repeat replace
    reverse right rpad rtrim similar_escape similar_to_escape split_part starts_with string_to_array
    string_to_table strpos substr substring to_ascii to_bin to_char to_hex to_number to_oct translate
    unicode_assigned unistr upper bpcharcmp text_larger text_smaller
""")
BYTES = words("""
    convert convert_from convert_to decode encode get_bit get_byte set_bit set_byte sha224 sha256 sha384
    sha512
""")
DATES = words("""
    age clock_timestamp date_add date_bin date_part date_subtract date_trunc extract isfinite justify_days
    justify_hours justify_interval make_date make_interval make_time make_timestamp make_timestamptz now
    overlaps statement_timestamp timeofday timezone to_date to_timestamp transaction_timestamp
""")
CONVERSIONS = words("""
    bit bool bpchar bytea char date float4 float8 int2 int4 int8 interval money name numeric text time
    timestamp timestamptz timetz varbit varchar pg_typeof num_nonnulls num_nulls
    pg_collation_for pg_column_size pg_size_bytes pg_size_pretty
""")
JSON = words("""
    array_to_json json_array_elements json_array_elements_text json_array_length json_build_array
    json_build_object json_each json_each_text json_extract_path json_extract_path_text json_object
    json_object_keys json_populate_record json_populate_recordset json_strip_nulls json_to_record
    json_to_recordset json_typeof jsonb_array_elements jsonb_array_elements_text jsonb_array_length
    jsonb_build_array jsonb_build_object jsonb_contains jsonb_concat jsonb_delete jsonb_each jsonb_each_text
    jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path jsonb_extract_path_text jsonb_insert
    jsonb_object jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz
    jsonb_path_query jsonb_path_query_array jsonb_path_query_array_tz jsonb_path_query_first
    jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_record_valid
    jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record
    jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb
""")
ARRAYS = words("""
    array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position
    array_positions array_prepend array_remove array_replace array_reverse array_sample array_shuffle
    array_sort array_to_string array_upper cardinality generate_series generate_subscripts trim_array unnest
    arraycontained arraycontains arrayoverlap
""")
RANGES = words("""
    datemultirange daterange int4multirange int4range int8multirange int8range isempty lower_inc lower_inf
    multirange nummultirange numrange range_merge tsmultirange tsrange tstzmultirange tstzrange upper_inc
    upper_inf
""")
SEARCH = words("""
    array_to_tsvector json_to_tsvector jsonb_to_tsvector numnode phraseto_tsquery plainto_tsquery querytree
    setweight strip to_tsquery to_tsvector ts_delete ts_filter ts_headline ts_rank ts_rank_cd tsquery_phrase
    tsvector_to_array websearch_to_tsquery
""")
GEOMETRY = words("""
    area bound_box box center circle diameter height isclosed ishorizontal isopen isparallel isperp isvertical
    line lseg npoints path pclose point polygon popen radius slope width diagonal
""")
NETWORK = words("""
    abbrev broadcast family host hostmask inet_merge inet_same_family macaddr8_set7bit masklen netmask network
    set_masklen
""")
OTHERS = words("""
    enum_first enum_last enum_range gen_random_uuid uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7
""")
AGGREGATES = words("""
    any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every
    json_agg json_agg_strict json_object_agg json_object_agg_strict json_object_agg_unique
    json_object_agg_unique_strict jsonb_agg jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict
    jsonb_object_agg_unique jsonb_object_agg_unique_strict max min mode percentile_cont percentile_disc
    range_agg range_intersect_agg regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
    regr_sxy regr_syy stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance
""")
WINDOWS = words("""
    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
""")

JSON_MAKERS = words("""
    array_to_json json_agg json_agg_strict json_build_array json_build_object json_object_agg
    json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict jsonb_agg jsonb_agg_strict
    jsonb_build_array jsonb_build_object jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique
    jsonb_object_agg_unique_strict row_to_json to_json to_jsonb
""")
"""Functions that turn any value into JSON, for which they look for a cast of the value's type."""
POLYMORPHIC = words("""
    any_value array_agg enum_first enum_last enum_range first_value lag last_value lead mode nth_value unnest
""")
"""Functions that take a value of any type and hand it on, and have no overload for a type of their own."""
COUNTING = words("cardinality concat count num_nonnulls num_nulls pg_typeof")
"""Functions that take a value of any type and give something else."""

TEMPLATED = words("concat_ws format")
"""Functions that take values of any type after their first argument."""

FUNCTIONS = (
    MATH
    | TEXT
    | BYTES
    | DATES
    | CONVERSIONS
    | JSON
    | ARRAYS
    | RANGES
    | SEARCH
    | GEOMETRY
    | NETWORK
    | OTHERS
    | AGGREGATES
    | WINDOWS
)
"""Functions of ``pg_catalog`` that a statement may call."""

NEVER = (
    "pg_",
    "lo_",
    "dblink",
    "query_to",
    "table_to",
    "cursor_to",
    "schema_to",
    "database_to",
    "set_config",
)
"""Beginnings of names that not even the policy's ``functions.allow`` can admit from ``pg_catalog``."""

EXTENSION_FUNCTIONS: dict[str, frozenset[str]] = {
    "pg_trgm": words("similarity word_similarity strict_word_similarity show_trgm"),
    "fuzzystrmatch": words("""
        levenshtein levenshtein_less_equal soundex difference metaphone dmetaphone dmetaphone_alt
        daitch_mokotoff
    """),
    "unaccent": words("unaccent"),
    "citext": words("""
        citext regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table replace
        split_part strpos translate max min
    """),
    "hstore": words("""
        hstore akeys avals skeys svals each exist defined hstore_to_json hstore_to_jsonb slice isexists
        isdefined
    """),
    "ltree": words("subltree subpath nlevel index text2ltree ltree2text lca"),
    "vector": words("""
        vector cosine_distance l2_distance inner_product l1_distance vector_dims vector_norm l2_normalize
        subvector avg sum halfvec sparsevec binary_quantize hamming_distance jaccard_distance l2_norm
    """),
    "intarray": words("icount sort sort_asc sort_desc uniq idx subarray"),
    "cube": words("cube cube_distance cube_dim cube_ll_coord cube_ur_coord cube_enlarge cube_contains"),
    "earthdistance": words(
        "earth ll_to_earth earth_distance latitude longitude earth_box sec_to_gc gc_to_sec"
    ),
    "uuid-ossp": words("""
        uuid_generate_v3 uuid_generate_v4 uuid_generate_v5 uuid_nil uuid_ns_dns uuid_ns_oid uuid_ns_url
        uuid_ns_x500
    """),
    "timescaledb": words("time_bucket time_bucket_gapfill first last locf interpolate"),
    "tdigest": words("tdigest_percentile"),
    "seg": words("seg_center seg_upper seg_lower seg_size"),
    "pgcrypto": words("digest hmac"),
}
"""Functions of extensions that are often installed; each must also belong to that extension on this
server."""

NOT_OF_POSTGIS = words("""
    st_estimatedextent st_estimated_extent st_findextent st_find_extent st_squaregrid st_hexagongrid
""")
"""Functions of PostGIS that look into the planner's statistics, run SQL, or make rows without end."""

OPERATORS = words("""
    !! !~ !~* !~~ !~~* # ## #- #> #>> % & && &< &<| &> * *< *<= *<> *= *> *>= + - -> ->> -|- / < <-> << <<=
    <<| <= <> != <@ <^ = > >= >> >>= >^ ? ?# ?& ?- ?-| ?| ?|| @ @-@ @> @? @@ @@@ ^ ^@ | |&> |/ |>> || ||/ ~ ~*
    ~<=~ ~<~ ~= ~>=~ ~>~ ~~ ~~*
""")
"""Operators of ``pg_catalog``; none of them does more than compute."""

EXTENSION_OPERATORS = frozenset(
    {
        "pg_trgm",
        "citext",
        "hstore",
        "ltree",
        "vector",
        "intarray",
        "cube",
        "earthdistance",
        "seg",
        "postgis",
        "btree_gist",
    }
)
"""Extensions whose operators may be used."""

TYPES = words("""
    bit bool box bpchar bytea char cidr circle date datemultirange daterange float4 float8 inet int2 int4
    int4multirange int4range int8 int8multirange int8range interval json jsonb jsonpath line lseg macaddr
    macaddr8 money name numeric nummultirange numrange oid path point polygon record regconfig text time
    timestamp timestamptz timetz tsmultirange tsquery tsrange tstzmultirange tstzrange tsvector uuid varbit
    varchar
""")
"""Types of ``pg_catalog`` that a value may be cast to. The ``reg*`` types are missing because their input
looks names up in the catalogs, xml because its parser reads entities."""

EXTENSION_TYPES = frozenset(
    {"citext", "hstore", "ltree", "vector", "cube", "intarray", "seg", "postgis", "uuid-ossp", "isn"}
)
"""Extensions whose types a value may be cast to."""

VALUE_FUNCTIONS = frozenset(
    {
        "SVFOP_CURRENT_DATE",
        "SVFOP_CURRENT_TIME",
        "SVFOP_CURRENT_TIME_N",
        "SVFOP_CURRENT_TIMESTAMP",
        "SVFOP_CURRENT_TIMESTAMP_N",
        "SVFOP_LOCALTIME",
        "SVFOP_LOCALTIME_N",
        "SVFOP_LOCALTIMESTAMP",
        "SVFOP_LOCALTIMESTAMP_N",
    }
)
"""``CURRENT_DATE`` and its like; not ``CURRENT_USER``, which tells of the server."""

SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
"""Columns that every table has beside its own."""
