"""ClickHouse's settings for reading and for writing, the same for every store."""

READING = {
    "session_timezone": "UTC",
    # ClickHouse does not find a sum over a subcolumn in a rollup.
    "optimize_functions_to_subcolumns": "0",
    "date_time_output_format": "iso",
    "output_format_json_array_of_rows": "1",
    "output_format_json_quote_64bit_integers": "0",
    "output_format_json_quote_decimals": "1",
    "output_format_json_validate_utf8": "1",
}


def projections(rollup: str | None) -> dict[str, str]:
    """The settings that limit a read to its rollup, if any.

    ClickHouse would otherwise weigh every projection, which takes longer than many reports.
    """
    if rollup is None:
        return {"optimize_use_projections": "0"}
    # The index already finds the sums, so reading some columns first to filter by them gains nothing.
    return {"preferred_optimize_projection_name": rollup, "optimize_move_to_prewhere": "0"}


LINES = {"output_format_json_array_of_rows": "0", "max_result_rows": "0"}
"""For rows that are streamed: one line for each row instead of an array, and no limit on their number."""

WRITING = {
    "async_insert": "0",
    # A command returns only once its mutation is complete, so it changes no answers afterwards.
    "mutations_sync": "2",
    "session_timezone": "UTC",
    "max_partitions_per_insert_block": "0",
    "input_format_csv_allow_variable_number_of_columns": "1",
    "input_format_csv_empty_as_default": "0",
    "input_format_null_as_default": "0",
    "input_format_csv_trim_whitespaces": "0",
    "input_format_skip_unknown_fields": "1",
    # A load looks for single calls, and weighing every projection takes longer than finding them.
    "optimize_use_projections": "0",
}
