"""A column's type: what it means in a key, a filter, a comparison, a response and a file; and what a new one takes."""

import asyncio
import dataclasses
import io
import json
import operator
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import openpyxl
import orjson
import pytest
from clickhouse_connect.cc_sqlalchemy.datatypes import sqltypes as clickhouse
from sqlalchemy import ColumnElement, case, func, literal_column, null, select

from gqlreports.plugins import (
    COUNT,
    FLAG,
    MOMENT,
    MONEY,
    RATIO,
    SECONDS,
    TEXT,
    Report,
    ReportParameters,
    attempts,
    cdr,
    dimension,
    measure,
    whole,
)
from gqlreports.plugins.contract import Dimension
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.plugins.types import BIG_INT, TYPES, ColumnType, Look, Operand, Scalar, unchanged
from gqlreports.schema.plan.rows import key_of
from gqlreports.schema.plan.source import compile_statement
from gqlreports.web.app import create_app
from tests.export.conftest import Exports
from tests.support import sites
from tests.support.oracle import Cdr
from tests.support.readers import guarded, read_parquet, read_xlsx
from tests.support.sites import Site

STATUS = ColumnType(
    name="STATUS",
    sql=clickhouse.UInt16(),
    gives=("UInt16",),
    python=int,
    scalar=BIG_INT,
    default="toUInt16(0)",
    in_currency=False,
    is_time=False,
    look=Look("INTEGER", "000"),
    looks={},
    width=6,
    jsonl=unchanged,
    csv=unchanged,
    arrow=unchanged,
    arrow_type=lambda arrow, zone: arrow.uint16(),
)
"""A type that does not ship: this is all that it takes."""

CUSTOMER = "5003"
START, MIDDLE, END = (datetime(2025, month, day, tzinfo=UTC) for month, day in ((10, 20), (11, 4), (11, 20)))
NO_VALUE = 487
"""SIP status of the calls that have no value in any of the keys."""


def key(value: ColumnElement[Any], type: ColumnType, when: str) -> Any:
    """A key that is null for some calls; where it is no key, the largest value of all."""
    expression = case((cdr.c.sip_code == literal_column(str(NO_VALUE)), null()), else_=value)
    largest = whole(func.max(value), type, "the largest", nullable=True)
    return dimension(expression, "A key at times", type=type, when=when, otherwise=largest)


class KeyParameters(ReportParameters):
    by_text: bool = False
    by_flag: bool = False
    by_count: bool = False
    by_ratio: bool = False
    by_money: bool = False
    by_seconds: bool = False
    by_moment: bool = False
    by_status: bool = False


class Keys(Report):
    """A key of each type, which may be null."""

    Parameters = KeyParameters

    switch = dimension(cdr.c.switch, "Switch")
    text = key(cdr.c.account, TEXT, "by_text")
    flag = key(cdr.c.answered, FLAG, "by_flag")
    count = key(func.toInt64(cdr.c.branch_idx), COUNT, "by_count")
    ratio = key(func.toFloat64(cdr.c.duration), RATIO, "by_ratio")
    money = key(cdr.c.customer_charge, MONEY, "by_money")
    seconds = key(cdr.c.duration, SECONDS, "by_seconds")
    moment = key(cdr.c.dt, MOMENT, "by_moment")
    status = key(cdr.c.sip_code, STATUS, "by_status")
    calls = measure(attempts, "Calls")


def digits(number: Decimal) -> str:
    """Without zeros behind the last digit."""
    return format(number.normalize(), "f")


def clock(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Kind:
    """What a type is: in ClickHouse, of a call in Python, in JSON, CSV and Excel, where it has a `look` too."""

    declared: str
    value: Callable[[Cdr], Any]
    json: Callable[[Any], Any] = same
    csv: Callable[[Any], str] = str
    excel: Callable[[Any], Any] = same
    look: str = "General"
    numeric: bool = True
    operators: str = "eq ne lt lte gt gte in notIn"


KINDS = {
    "text": Kind(
        "String",
        lambda call: call.account,
        csv=lambda text: '"{}"'.format(guarded(text).replace('"', '""')),
        look="@",
        numeric=False,
        operators="eq ne lt lte gt gte in notIn startsWith endsWith contains",
    ),
    "flag": Kind("Bool", lambda call: call.answered, csv=lambda flag: str(flag).lower(), numeric=False, operators="eq"),
    "count": Kind("Int64", lambda call: call.branch_idx, look="#,##0"),
    "ratio": Kind(
        "Float64",
        lambda call: float(call.duration),
        csv=lambda number: repr(number).removesuffix(".0"),
        look="#,##0.00",
    ),
    "money": Kind("Decimal(38, 8)", lambda call: call.customer_charge, digits, digits, look="#,##0.00######"),
    "seconds": Kind("Decimal(38, 3)", lambda call: call.duration, digits, digits, look="#,##0.000"),
    "moment": Kind(
        "DateTime64(3, 'UTC')",
        lambda call: call.dt,
        clock,
        lambda moment: f'"{clock(moment)}"',
        lambda moment: moment.replace(tzinfo=None),
        "yyyy-mm-dd hh:mm:ss.000",
        numeric=False,
    ),
    "status": Kind("UInt16", lambda call: call.sip_code, look="000"),
}
MET: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": lambda value, given: value is not None and value < given,
    "lte": lambda value, given: value is not None and value <= given,
    "gt": lambda value, given: value is not None and value > given,
    "gte": lambda value, given: value is not None and value >= given,
    "in": lambda value, given: value in given,
    "notIn": lambda value, given: value not in given,
    "startsWith": lambda value, given: value is not None and value.startswith(given),
    "endsWith": lambda value, given: value is not None and value.endswith(given),
    "contains": lambda value, given: value is not None and given in value,
}
"""Whether a value meets a condition, by its operator."""
Rows = Counter[tuple[str, Any]]
"""How many calls there are of each switch and value."""


@dataclass
class Api:
    """A site that has this report too."""

    site: Site
    exports: Exports

    def ask(self, name: str, selection: str, **where: Any) -> Any:
        """The answer where the column of that name is a key."""
        by = f"parameters: {{keys: {{by{name.title()}: true}}}}" if name else ""
        declared = "query ($where: KeysFilter)" if where else ""
        query = f"""{declared} {{
          customReport(customer: "{CUSTOMER}", type: KEYS, from: "{clock(START)}", to: "{clock(END)}",
                       basis: ATTEMPT {by}) {{ ... on KeysReport {{ {selection} }} }}
        }}"""
        variables: dict[str, Any] = {"where": where} if where else {}
        [answer] = self.site.data(query, None, **variables)["customReport"].values()
        return answer

    def rows(self, name: str, **where: Any) -> Rows:
        """The rows by switch and key, as they are in JSON."""
        given = "(where: $where, first: 10000)" if where else "(first: 10000)"
        rows = self.ask(name, f"rows{given} {{ switch {name} calls }}", **where)
        return Counter({(row["switch"], row[name]): row["calls"] for row in rows})

    def file(self, form: str, name: str) -> bytes:
        parameters = {f"by{name.title()}": True}
        return self.exports.get(f"keys.{form}", parameters=parameters, columns=f"switch,{name}").content


@pytest.fixture(scope="module")
def api(site: Site) -> Api:
    report = RegisteredReport("KEYS", Keys(), "tests")
    registry = Registry(MappingProxyType({**sites.REGISTRY.reports, "KEYS": report}))
    app = create_app(registry, site.backend, site.directory)
    return Api(dataclasses.replace(site, _app=(site.backend, app)), Exports(site, app))


def calls(site: Site, start: datetime = START, end: datetime = END) -> Iterator[Cdr]:
    return (each for each in site.world.cdrs if each.customer_id == CUSTOMER and start <= each.dt < end)


def rows_of(site: Site, name: str) -> Rows:
    """By brute force, each value as Python has it."""
    value = KINDS[name].value
    return Counter((each.switch, None if each.sip_code == NO_VALUE else value(each)) for each in calls(site))


def written(rows: Rows, write: Callable[[Any], Any]) -> Rows:
    return Counter({(switch, None if value is None else write(value)): n for (switch, value), n in rows.items()})


def fetched(site: Site, expression: ColumnElement[Any]) -> Any:
    """What the store makes of an expression."""
    statement = compile_statement(select(expression.label("value")))
    [row] = orjson.loads(asyncio.run(site.backend.fetch_json(statement)).json)
    return row["value"]


def test_each_type_that_ships_is_here() -> None:
    assert {column.type for column in Keys.columns.values()} == {*TYPES, STATUS}
    assert {name: column.type.clickhouse for name, column in Keys.columns.items() if name in KINDS} == {
        name: kind.declared for name, kind in KINDS.items()
    }


@pytest.mark.parametrize("name", KINDS)
def test_a_null_in_a_key_is_compared_as_a_value_of_its_own_type(site: Site, name: str) -> None:
    declared = KINDS[name].declared
    nothing: ColumnElement[Any] = literal_column("CAST(NULL, 'Nullable({})')".format(declared.replace("'", r"\'")))
    column = Keys.columns[name]
    assert isinstance(column, Dimension)
    compared = key_of((column,), [nothing])
    assert fetched(site, func.toTypeName(compared)) == f"Tuple(UInt8, {declared})"


@pytest.mark.parametrize("name", KINDS)
def test_a_null_among_the_keys_is_a_row_of_its_own(api: Api, name: str) -> None:
    """A filter on a figure finds the rows first, and looks for the calls behind them by their keys."""
    expected: Counter[Any] = Counter()
    for (_, value), number in written(rows_of(api.site, name), KINDS[name].json).items():
        if number > 1:
            expected[value] += number
    assert (None in expected, len(expected) > 1) == (True, True)
    selection = f"subtotals(by: [{name.upper()}], where: $where, first: 10000) {{ {name} calls }}"
    found = api.ask(name, selection, calls={"gt": 1})
    assert {row[name]: row["calls"] for row in found} == expected


@pytest.mark.parametrize("name", KINDS)
def test_a_response_has_the_value(api: Api, name: str) -> None:
    assert api.rows(name) == written(rows_of(api.site, name), KINDS[name].json)


@pytest.mark.parametrize("name", KINDS)
def test_a_filter_compares_as_python_does(api: Api, name: str) -> None:
    rows, kind = rows_of(api.site, name), KINDS[name]
    values = sorted({value for _, value in rows if value is not None})
    given, other = values[len(values) // 2], values[0]
    for each in kind.operators.split():
        asked = [given, other] if each in ("in", "notIn") else given
        sent = [kind.json(given), kind.json(other)] if each in ("in", "notIn") else kind.json(given)
        expected = Counter({row: number for row, number in rows.items() if MET[each](row[1], asked)})
        assert api.rows(name, **{name: {each: sent}}) == written(expected, kind.json), each
    of_type = f'{{ __type(name: "{Keys.columns[name].type.scalar.name}Filter") {{ inputFields {{ name }} }} }}'
    known = {field["name"] for field in api.site.data(of_type)["__type"]["inputFields"]}
    assert known == {*kind.operators.split(), "isNull"}


@pytest.mark.parametrize("name", KINDS)
def test_a_number_has_a_change(api: Api, name: str) -> None:
    kind = KINDS[name]
    before, after = (max(map(kind.value, calls(api.site, *span))) for span in ((START, MIDDLE), (START, END)))
    fields = "current previous change" if kind.numeric else "current previous"
    span = f'{{range: {{from: "{clock(START)}", to: "{clock(MIDDLE)}"}}}}'
    found = api.ask("", f"comparison(with: {span}) {{ totals {{ {name} {{ {fields} }} }} }}")["totals"][name]
    expected = {"current": kind.json(after), "previous": kind.json(before)}
    assert found == expected | ({"change": kind.json(after - before)} if kind.numeric else {})
    of_type = f'{{ __type(name: "{Keys.columns[name].type.scalar.name}Comparison") {{ fields {{ name }} }} }}'
    known = {field["name"] for field in api.site.data(of_type)["__type"]["fields"]}
    assert ("change" in known, "relativeChange" in known) == (kind.numeric, kind.numeric)


@pytest.mark.parametrize("name", KINDS)
def test_csv_has_the_value(api: Api, name: str) -> None:
    header, *lines, _ = api.file("csv", name).decode().removesuffix("\n").split("\n")
    assert header == f"switch,{name}"
    rows = written(rows_of(api.site, name), KINDS[name].csv)
    expected = "\n".join(f'"{switch}",{value or ""}' for switch, value in rows)
    assert sorted(lines) == sorted(expected.split("\n"))


@pytest.mark.parametrize("name", KINDS)
def test_json_lines_have_the_value(api: Api, name: str) -> None:
    *lines, _ = map(json.loads, api.file("jsonl", name).splitlines())
    assert {(line["switch"], line[name]) for line in lines} == {*written(rows_of(api.site, name), KINDS[name].json)}


@pytest.mark.parametrize("name", KINDS)
def test_parquet_has_the_value(api: Api, name: str) -> None:
    columns = (Keys.columns["switch"], Keys.columns[name])
    found = [(row["switch"], row[name]) for row in read_parquet(api.file("parquet", name), columns)]
    assert {*found} == {*rows_of(api.site, name)}
    assert {type(value) for _, value in found} <= {Keys.columns[name].type.python, type(None)}


@pytest.mark.parametrize("name", KINDS)
def test_excel_has_the_value(api: Api, name: str) -> None:
    columns = (Keys.columns["switch"], Keys.columns[name])
    file = api.file("xlsx", name)
    found = [(row["switch"], row[name]) for row in read_xlsx(file, columns)]
    assert {*found} == {*written(rows_of(api.site, name), KINDS[name].excel)}
    cells = [row[1] for row in openpyxl.load_workbook(io.BytesIO(file)).active.iter_rows(min_row=2)]
    assert {cell.number_format for cell in cells if cell.value is not None} == {KINDS[name].look}


@pytest.mark.parametrize("made", [ColumnType, Look, Scalar, Operand])
def test_a_type_answers_every_question_itself(made: type[Any]) -> None:
    missing = dataclasses.MISSING
    assert all(each.default is missing and each.default_factory is missing for each in dataclasses.fields(made))


NEW = """
import dataclasses, datetime
from gqlreports.plugins import types
day = dataclasses.replace(types.MOMENT, name="DAY", {answer})
types.TYPES = (*types.TYPES, day)
import {module}
"""


@pytest.mark.parametrize(
    ("module", "answer", "missing"),
    [
        (
            "gqlreports.schema.scalars",
            "scalar=dataclasses.replace(types.DATE_TIME, name='Date')",
            "the type DAY asks for a scalar of GraphQL that is not there: Date",
        ),
        (
            "gqlreports.schema.catalogue",
            "look=types.Look('DAY', 'yyyy-mm-dd')",
            "the type DAY asks for a format of the catalogue that is not there: DAY",
        ),
        (
            "gqlreports.schema.catalogue",
            "looks={'d': types.Look('DAYS', '0')}",
            "the type DAY asks for a format of the catalogue that is not there: DAYS",
        ),
        (
            "gqlreports.export.xlsx",
            "python=datetime.date",
            "the type DAY asks for a writer of Excel's cells that is not there: <class 'datetime.date'>",
        ),
    ],
)
@pytest.mark.processes
def test_what_lacks_an_answer_for_a_new_type_is_not_imported(module: str, answer: str, missing: str) -> None:
    code = NEW.format(answer=answer, module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith(missing)
