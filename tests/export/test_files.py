"""Every report in every format, read back by other readers, against the API's own rows."""

import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pyarrow.parquet
import pytest

from gqlreports.plugins import MOMENT, TEXT
from tests.export.conftest import Exports
from tests.support.export_reports import REGISTRY
from tests.support.readers import READERS, Columns, Rows, expected, guarded
from tests.test_reports import CASES

pytestmark = pytest.mark.thorough

EVERY: list[tuple[str, dict[str, Any]]] = [*CASES, ("HOURS", {})]


def literal(type: str, parameters: dict[str, Any]) -> str:
    """Parameters as a document has them."""
    if not parameters:
        return ""
    name = type.title().replace("_", "")
    given = ", ".join(f"{key}: {str(value).lower() if value is True else value}" for key, value in parameters.items())
    return f"parameters: {{{name[0].lower()}{name[1:]}: {{{given}}}}}"


def as_written(form: str, rows: Rows, columns: Columns) -> Rows:
    """What a reader must find: CSV has some texts with an apostrophe and its reader nulls for empty ones."""
    found = expected(rows, columns)
    for row in found:
        for column in columns:
            name = column.graphql_name
            if form == "csv" and column.type is TEXT:
                row[name] = guarded(row[name]) if row[name] else None
            if form == "xlsx" and column.type is MOMENT:
                row[name] = row[name].replace(tzinfo=None)
    return found


def close(found: Rows, rows: Rows, form: str) -> bool:
    """Equal; a workbook has 16 digits of a fraction."""
    if form != "xlsx":
        return found == rows
    rounded = [{name: f"{v:.14g}" if isinstance(v, float) else v for name, v in row.items()} for row in found]
    return rounded == [{n: f"{v:.14g}" if isinstance(v, float) else v for n, v in row.items()} for row in rows]


@pytest.mark.parametrize(("type", "parameters"), EVERY)
def test_a_file_holds_the_rows_of_the_api(exports: Exports, type: str, parameters: dict[str, Any]) -> None:
    """In each format."""
    columns = REGISTRY.reports[type].columns(staff=True)
    for customer in ("5003", "05001"):
        rows = exports.rows(type, literal(type, parameters), customer=customer)
        assert rows
        for form, read in READERS.items():
            response = exports.get(f"{type.lower()}.{form}", customer=customer, parameters=parameters)
            assert response.status_code == 200, response.text
            assert close(read(response.content, columns), as_written(form, rows, columns), form), form


@pytest.mark.parametrize("form", READERS)
def test_filter_order_columns_and_basis(exports: Exports, form: str) -> None:
    where = {"or": [{"techPrefix": {"startsWith": "0"}}, {"asr": {"lt": 0.4}}]}
    order = [{"column": "ANSWERED_CALLS", "direction": "DESC"}, {"column": "TOTAL"}]
    names = ["total", "techPrefix", "answeredCalls"]
    response = exports.get(
        f"Group_By_Tech_Prefix.{form}", where=where, orderBy=order, columns=",".join(names), basis="ATTEMPT"
    )
    asked = """where: {or: [{techPrefix: {startsWith: "0"}}, {asr: {lt: 0.4}}]}
      orderBy: [{column: ANSWERED_CALLS, direction: DESC}, {column: TOTAL}]"""
    rows = exports.rows("GROUP_BY_TECH_PREFIX", "basis: ATTEMPT", asked)
    known = REGISTRY.reports["GROUP_BY_TECH_PREFIX"].report.columns
    columns = (known["total"], known["tech_prefix"], known["answered_calls"])
    assert 0 < len(rows) < len(exports.rows("GROUP_BY_TECH_PREFIX"))
    assert READERS[form](response.content, columns) == as_written(form, rows, columns)


@pytest.mark.parametrize("form", READERS)
def test_a_report_without_rows(exports: Exports, form: str) -> None:
    columns = REGISTRY.reports["USA_RATE_CENTER"].columns(staff=True)
    response = exports.get(f"usa_rate_center.{form}", where={"or": []})
    assert response.status_code == 200
    assert READERS[form](response.content, columns) == []


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York", "UTC", "Europe/London"])
def test_moments_are_shown_in_the_zone(exports: Exports, zone: str) -> None:
    columns = REGISTRY.reports["HOURS"].columns(staff=True)
    rows = expected(exports.rows("HOURS"), columns)
    moments = [row["firstCall"] for row in rows]
    local = [moment.astimezone(ZoneInfo(zone)) for moment in moments]
    assert len({moment.utcoffset() for moment in local}) == (2 if "/" in zone and zone != "Asia/Kolkata" else 1)

    printed = [moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") for moment in local]
    lines = exports.get("hours.csv", timeZone=zone, columns="firstCall", count="false").text.splitlines()
    assert [line.strip('"') for line in lines[1:]] == printed
    text = exports.get("hours.jsonl", timeZone=zone, columns="firstCall").text
    assert [f'{{"firstCall":"{moment}"}}' for moment in printed] == text.splitlines()[:-1]

    parquet = READERS["parquet"](exports.get("hours.parquet", timeZone=zone).content, columns)
    assert [row["firstCall"].astimezone(UTC) for row in parquet] == moments
    assert {str(row["hour"].tzinfo) for row in parquet} == {zone}
    sheet = READERS["xlsx"](exports.get("hours.xlsx", timeZone=zone).content, columns)
    assert [row["firstCall"] for row in sheet] == [moment.replace(tzinfo=None) for moment in local]


def test_types_of_parquet(exports: Exports) -> None:
    def types(type: str, **arguments: str) -> dict[str, str]:
        read = pyarrow.parquet.read_schema(io.BytesIO(exports.get(f"{type}.parquet", **arguments).content))
        return {field.name: f"{field.type}{'' if field.nullable else ' not null'}" for field in read}

    assert types("dtmf") == {
        "route": "string not null",
        "answeredCalls": "int64 not null",
        "dtmfCalls": "int64 not null",
        "dtmfRatio": "double",
        "digits": "int64 not null",
        "providerCurrency": "string",
        "providerCharge": "decimal128(38, 8)",
        "costPerDigit": "decimal128(38, 8)",
    }
    assert types("hours", timeZone="Asia/Kolkata") == {
        "hour": "timestamp[ms, tz=Asia/Kolkata] not null",
        "firstCall": "timestamp[ms, tz=Asia/Kolkata] not null",
        "calls": "int64 not null",
        "talkTime": "decimal128(38, 3) not null",
    }
    assert types("did_as_cli")["isDid"] == "bool not null"


def test_a_workbook_shows_ratios_as_percent_and_keeps_money_exact(exports: Exports) -> None:
    quality = openpyxl.load_workbook(io.BytesIO(exports.get("group_by_tech_prefix.xlsx").content)).active
    assert [cell.number_format for cell in quality[2]] == ["@", "0.0%", "#,##0.00", "#,##0", "#,##0"]
    assert quality.auto_filter.ref == f"A1:E{quality.max_row}"
    money = openpyxl.load_workbook(io.BytesIO(exports.get("dtmf.xlsx").content)).active
    charges = [row[6].value for row in money.iter_rows(min_row=2) if row[6].value is not None]
    digits = [len(Decimal(str(charge)).normalize().as_tuple().digits) for charge in charges]
    assert {type(charge) for charge in charges} == {str, float}
    assert all((count > 15) == isinstance(charge, str) for count, charge in zip(digits, charges, strict=True))


def test_null_and_empty_text_differ_in_csv(exports: Exports) -> None:
    rows = exports.rows("USA_RATE_CENTER")
    names = ["rc", "customerCurrency"]
    lines = exports.get("usa_rate_center.csv", columns=",".join(names)).text.splitlines()
    assert lines[1:-1] == [",".join("" if row[n] is None else f'"{row[n]}"' for n in names) for row in rows]


def test_the_count_may_be_left_off(exports: Exports) -> None:
    for form in ("csv", "jsonl"):
        *lines, last = exports.get(f"dtmf.{form}").text.splitlines()
        assert exports.get(f"dtmf.{form}", count="false").text.splitlines() == lines
        assert str(len(exports.rows("DTMF"))) in last


def test_every_row_of_many(exports: Exports) -> None:
    """More than one piece of the store, and more than one row group."""
    columns = REGISTRY.reports["MANY"].columns(staff=True)
    names = [f"{number:0100}" for number in range(40_000)]
    for form in ("csv", "jsonl", "parquet"):
        rows = READERS[form](exports.get(f"many.{form}", parameters={"rows": 40_000}).content, columns)
        assert [row["number"] for row in rows] == names


def test_moments_of_the_site_are_on_both_sides_of_a_change(exports: Exports) -> None:
    """Or the tests of zones would not mean much."""
    moments = [cdr.dt for cdr in exports.site.world.cdrs if cdr.customer_id == "5003"]
    assert min(moments) < datetime(2025, 10, 26, 1, tzinfo=UTC) < datetime(2025, 11, 2, 6, tzinfo=UTC) < max(moments)
