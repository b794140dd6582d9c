"""Pieces of SQL in a query: the functions in them may do anything, but for those that are known to compute."""

from __future__ import annotations

import re

from runbook_lib.migrations.reading.values import Value
from runbook_lib.migrations.words import words

_CALLED = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.|'')*'")
# Words before a bracket that call nothing, and functions of MySQL, PostgreSQL and SQLite that only compute.
_COMPUTING = words(
    """
    and or not in exists any all some as on using over partition by when then else case values select from where
    distinct interval if between like having union join set into filter within group order array row cast convert
    unique index key primary varchar char decimal numeric int integer unsigned bigint timestamp time date datetime
    abs acos age array_agg array_append array_length array_position array_remove array_to_string ascii asin atan avg
    bin binary bit_length cardinality ceil ceiling char_length character_length chr clock_timestamp coalesce concat
    concat_ws conv cos count cume_dist curdate current_date current_timestamp current_time curtime date_add date_format
    date_part date_sub date_trunc datediff day dayname dayofmonth dayofweek dayofyear degrees dense_rank exp extract
    field find_in_set first_value floor format from_unixtime gen_random_uuid get_json_object glob greatest group_concat
    hex hour ifnull iif initcap insert instr is_uuid isnull json json_agg json_array json_array_length json_arrayagg
    json_build_array json_build_object json_contains json_contains_path json_depth json_each json_each_text
    json_extract json_extract_path json_extract_path_text json_insert json_keys json_length json_merge
    json_merge_patch json_merge_preserve json_object json_object_agg json_objectagg json_overlaps json_quote
    json_remove json_replace json_search json_set json_table json_type json_typeof json_unquote json_valid json_value
    jsonb jsonb_agg jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array
    jsonb_build_object jsonb_each jsonb_extract_path jsonb_object_agg jsonb_set jsonb_strip_nulls jsonb_typeof
    julianday lag last_day last_value lcase lead least left length ln localtime locate log log10 log2 lower lpad ltrim
    make_date make_interval makedate max md5 mid min minute mod month monthname now nth_value ntile nullif
    octet_length ord overlay percent_rank pi position pow power quarter quote radians rand random rank regexp_instr
    regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_substr repeat replace reverse
    right round row_number row_to_json rpad rtrim second sha sha1 sha2 sign sin soundex space split_part sqrt
    st_astext st_distance st_distance_sphere st_geomfromtext st_makepoint st_point st_setsrid st_within st_x st_y
    starts_with statement_timestamp std stddev str_to_date strcmp strftime string_agg strpos subdate substr substring
    substring_index sum tan time_format time_to_sec timediff timestampadd timestampdiff to_char to_date to_days
    to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector total translate trim trunc truncate typeof ucase
    unaccent unhex unicode unix_timestamp unixepoch unnest upper utc_date utc_timestamp uuid uuid_generate_v4 var_pop
    variance week weekday weekofyear width_bucket year yearweek point polygon match against
    """
)


def unknown_function(sql: Value) -> str:
    """The first function in a piece of SQL that is not known to compute only; "" when there is none."""
    if not isinstance(sql, str):
        return ""
    called = _CALLED.findall(_QUOTED.sub("''", sql))
    return next((name for name in called if not computes(name)), "")


def computes(function: str) -> bool:
    """Whether a function of a database is known to compute only."""
    return function.lower() in _COMPUTING
