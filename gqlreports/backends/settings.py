"""ClickHouse's settings for reading and for writing, alike in every store."""

READING = {
    "session_timezone": "UTC",
    # A sum over a part of a column is not found in a rollup.
    "optimize_functions_to_subcolumns": "0",
    "date_time_output_format": "iso",
    "output_format_json_array_of_rows": "1",
    "output_format_json_quote_64bit_integers": "0",
    "output_format_json_quote_decimals": "1",
    "output_format_json_validate_utf8": "1",
}


def projections(rollup: str | None) -> dict[str, str]:
    """Which of them a read may use: to weigh each takes ClickHouse longer than many a report."""
    if rollup is None:
        return {"optimize_use_projections": "0"}
    # Sums are found by their index, so there is nothing to gain from looking at its columns before the others.
    return {"preferred_optimize_projection_name": rollup, "optimize_move_to_prewhere": "0"}


LINES = {"output_format_json_array_of_rows": "0", "max_result_rows": "0"}
"""For rows that come piece by piece: each a line, not all of them an array, and any number of them."""

WRITING = {
    "async_insert": "0",
    # A command has ended only when no answer changes by it any more.
    "mutations_sync": "2",
    "session_timezone": "UTC",
    "max_partitions_per_insert_block": "0",
    "input_format_csv_allow_variable_number_of_columns": "1",
    "input_format_csv_empty_as_default": "0",
    "input_format_null_as_default": "0",
    "input_format_csv_trim_whitespaces": "0",
    "input_format_skip_unknown_fields": "1",
}
