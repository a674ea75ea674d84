"""Every part of a report in every format, read back by other readers, against GraphQL's own answer."""

import io
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import openpyxl
import pyarrow.parquet
import pytest
from starlette.testclient import TestClient

from gqlreports.directory.principal import Masking
from gqlreports.plugins import MOMENT, TEXT
from gqlreports.web.app import create_app
from tests.conftest import SITES, WHOLE_STORES
from tests.export.test_files import close
from tests.support import sites
from tests.support.export_parts import SPAN, Question, Shown
from tests.support.readers import READERS, Rows, expected, guarded
from tests.support.sites import Site

pytestmark = pytest.mark.thorough

NEW_YORK = "America/New_York"
PREFIXES = {"or": [{"techPrefix": {"startsWith": "0"}}, {"asr": {"lt": 0.4}}]}
CENTERS = {"callCount": {"gte": 1}, "rc": {"contains": "TON"}}
BY_CURRENCY = {"byCurrency": True}
LARGEST = [{"column": "CALL_COUNT", "direction": "DESC"}, {"column": "RC"}]
CHANGED = [{"column": "TOTAL", "by": "CHANGE", "direction": "DESC"}, {"column": "ASR", "by": "PREVIOUS"}]
LAST_WEEK = {"range": {"from": "2025-10-20T00:00:00Z", "to": "2025-10-27T12:30:00.5Z"}}
EVERY = [
    Question("DTMF", "rows"),
    Question("USA_RATE_CENTER", "rows", {"where": CENTERS, "orderBy": LARGEST, "first": 7, "offset": 2}),
    Question("USA_RATE_CENTER", "subtotals", {"by": ["RC"]}, absent=("prefix",)),
    Question(
        "USA_RATE_CENTER",
        "subtotals",
        {"by": ["RC", "CUSTOMER_CURRENCY"], "where": CENTERS, "orderBy": LARGEST, "first": 5, "offset": 1},
        BY_CURRENCY,
        absent=("prefix",),
    ),
    Question(
        "GROUP_BY_TECH_PREFIX", "timeline", {"every": "DAY", "timeZone": NEW_YORK}, absent=("techPrefix", "others")
    ),
    Question(
        "GROUP_BY_TECH_PREFIX",
        "timeline",
        {
            **{"every": "WEEK", "timeZone": NEW_YORK, "weekStart": "SUNDAY", "where": PREFIXES},
            **{"by": ["TECH_PREFIX"], "series": 2, "seriesBy": "TOTAL"},
        },
    ),
    Question("USA_RATE_CENTER", "timeline", {"every": "MONTH", "by": ["RC"], "series": 3}, absent=("prefix",)),
    Question("GROUP_BY_TECH_PREFIX", "comparison", {"with": LAST_WEEK, "where": PREFIXES, "orderBy": CHANGED}),
    Question("USA_RATE_CENTER", "comparison", {"with": {"period": "SAME_PERIOD_LAST_YEAR"}, "timeZone": NEW_YORK}),
    Question("DTMF", "comparison", {"with": LAST_WEEK, "first": 3, "offset": 1}),
    Question("USA_RATE_CENTER", "comparison", {"with": LAST_WEEK}, BY_CURRENCY),
    Question("GROUP_BY_TECH_PREFIX", "calls"),
    Question("GROUP_BY_TECH_PREFIX", "calls", customer="5001"),
    Question("USA_RATE_CENTER", "calls", {"where": CENTERS, "first": 11}),
    Question("DID_AS_CLI", "calls", {"where": {"isDid": {"eq": True}}}, customer="05001"),
]


@pytest.fixture(params=WHOLE_STORES, scope="module")
def either_site(request: pytest.FixtureRequest) -> Site:
    """The site of generated files, its store embedded and on a server."""
    made: Site = request.getfixturevalue(SITES[request.param])
    return made


def get(site: Site, path: str, arguments: Mapping[str, str], key: str | None = None) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {key or site.staff_key}"}
    return site.client.get(path, params=dict(arguments), headers=headers)


def asked(site: Site, question: Question, key: str | None = None, more: str = "") -> tuple[list[Shown], Rows]:
    return question.answer(lambda document, variables: site.data(document, key, **variables), more)


def as_written(form: str, rows: Rows, columns: list[Shown], zone: str) -> Rows:
    """What a reader must find: CSV has some texts with an apostrophe, and workbooks the time of the zone."""
    found = expected(rows, columns)
    for row in found:
        for column in columns:
            value = row[column.graphql_name]
            if form == "csv" and column.type is TEXT:
                row[column.graphql_name] = guarded(value) if value else None
            if form == "xlsx" and column.type is MOMENT and value:
                row[column.graphql_name] = value.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return found


@pytest.mark.parametrize("form", READERS)
@pytest.mark.parametrize("question", EVERY, ids=lambda each: f"{each.type}-{each.part}-{len(each.arguments)}")
def test_a_file_holds_what_graphql_answers(either_site: Site, question: Question, form: str) -> None:
    columns, rows = asked(either_site, question)
    assert rows
    response = get(either_site, f"{question.file}.{form}", question.address)
    assert response.status_code == 200, response.text
    found = READERS[form](response.content, columns)
    zone = question.arguments.get("timeZone", "UTC")
    assert close(found, as_written(form, rows, columns, zone), form)


def test_rows_are_a_part_too(site: Site) -> None:
    question = EVERY[0]
    response = get(site, f"{question.file}.csv", question.address)
    assert response.content == get(site, "/export/dtmf.csv", question.address).content
    assert "DTMF_5003_" in response.headers["content-disposition"]
    named = get(site, "/export/dtmf/calls.csv", question.address).headers["content-disposition"]
    assert named == 'attachment; filename="DTMF_calls_5003_2025-10-20_2025-11-20.csv"'


@pytest.mark.parametrize("part", ["subtotals", "timeline", "comparison", "calls"])
def test_chosen_columns_come_in_their_order(site: Site, part: str) -> None:
    question = next(each for each in EVERY if each.part == part)
    columns, rows = asked(site, question)
    chosen = columns[::-2]
    names = {"columns": ",".join(each.graphql_name for each in chosen)}
    response = get(site, f"{question.file}.jsonl", {**question.address, **names})
    assert READERS["jsonl"](response.content, chosen) == expected(rows, chosen)


def test_the_calls_behind_a_cursor(site: Site) -> None:
    """A file with cursors tells where a next one begins."""
    question = Question("GROUP_BY_TECH_PREFIX", "calls")
    columns, rows = asked(site, question, more="cursor")
    columns = [Shown(("cursor",), TEXT), *columns]
    names = {"columns": ",".join(each.graphql_name for each in columns)}
    first = READERS["jsonl"](
        get(site, f"{question.file}.jsonl", {**question.address, **names, "first": "9"}).content, columns
    )
    after = {"after": str(first[-1]["cursor"])}
    rest = READERS["jsonl"](
        get(site, f"{question.file}.jsonl", {**question.address, **names, **after}).content, columns
    )
    assert first + rest == expected(rows, columns)
    assert len(first) == 9


def test_types_of_parquet(site: Site) -> None:
    def types(question: Question) -> dict[str, str]:
        file = get(site, f"{question.file}.parquet", question.address).content
        read = pyarrow.parquet.read_schema(io.BytesIO(file))
        return {field.name: f"{field.type}{'' if field.nullable else ' not null'}" for field in read}

    timeline = types(EVERY[5])
    assert [timeline[name] for name in ("start", "clipped", "others", "techPrefix", "total", "asr")] == [
        *("timestamp[ms, tz=America/New_York] not null", "bool not null", "bool not null"),
        *("string", "int64 not null", "double"),
    ]
    compared = types(next(each for each in EVERY if each.part == "comparison"))
    assert [compared[name] for name in ("techPrefix", "total_current", "total_change", "total_relativeChange")] == [
        *("string not null", "int64", "int64", "double")
    ]
    calls = types(Question("DTMF", "calls"))
    assert [calls[name] for name in ("dt", "answered", "duration", "customerCharge", "pddOut", "sipCode")] == [
        *("timestamp[ms, tz=UTC] not null", "bool not null", "decimal128(38, 3) not null"),
        *("decimal128(38, 8) not null", "int64", "int64 not null"),
    ]


def test_a_workbook_shows_times_money_and_changes(site: Site) -> None:
    def formats(question: Question) -> dict[str, str]:
        sheet = openpyxl.load_workbook(io.BytesIO(get(site, f"{question.file}.xlsx", question.address).content)).active
        return {sheet.cell(1, cell.column).value: cell.number_format for row in sheet.iter_rows(2) for cell in row}

    calls = formats(Question("DTMF", "calls"))
    assert (calls["dt"], calls["customerCharge"]) == ("yyyy-mm-dd hh:mm:ss.000", "#,##0.00######")
    assert formats(next(each for each in EVERY if each.part == "comparison"))["asr_current"] == "0.0%"


# ---- rights ----


@pytest.fixture(scope="module")
def partner(site: Site) -> str:
    return site.partner_key("5003")


@pytest.mark.parametrize("part", ["subtotals", "timeline", "comparison", "calls"])
def test_a_partner_gets_what_graphql_shows_it(site: Site, partner: str, part: str) -> None:
    question = next(each for each in EVERY if each.part == part and each.customer == "5003")
    columns, rows = asked(site, question, partner)
    response = get(site, f"{question.file}.jsonl", question.address, partner)
    assert READERS["jsonl"](response.content, columns) == expected(rows, columns)
    assert not [each for each in columns if each.graphql_name.startswith("provider")]


def test_a_column_of_calls_for_staff_is_as_one_that_is_not_there(site: Site, partner: str) -> None:
    question = Question("DID_AS_CLI", "calls")

    def refused(name: str) -> str:
        response = get(site, f"{question.file}.csv", {**question.address, "columns": name}, partner)
        assert response.status_code == 400
        return str(response.json()["errors"][0]["message"])

    assert refused("providerId").replace("providerId", "absent") == refused("absent")
    assert get(site, f"{question.file}.csv", {**question.address, "columns": "providerId"}).status_code == 200


def test_another_customers_calls_are_not_there(site: Site, partner: str) -> None:
    for question in EVERY:
        response = get(site, f"{question.file}.csv", {**question.address, "customer": "5001"}, partner)
        assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")


@pytest.fixture
def masking(site: Site) -> Site:
    """The site behind an application that hides digits."""
    client = TestClient(create_app(sites.REGISTRY, site.backend, site.directory, masking=Masking(4)))
    return Site(site.home, site.engine, site.world, site.directory, site.staff_key, site.loaded, client)


@pytest.mark.parametrize("form", READERS)
def test_numbers_are_masked_as_in_graphql(masking: Site, form: str) -> None:
    question = Question("GROUP_BY_TECH_PREFIX", "calls")
    columns, rows = asked(masking, question)
    found = READERS[form](get(masking, f"{question.file}.{form}", question.address).content, columns)
    assert close(found, as_written(form, rows, columns, "UTC"), form)
    numbers = [str(row[name]) for row in found for name in ("destNumber", "sourceCli", "lrn") if row[name]]
    assert numbers
    assert all(number.endswith("*" * min(4, len(number))) for number in numbers)


# ---- what is wrong ----


@pytest.mark.parametrize(
    ("file", "arguments", "status", "told"),
    [
        (
            "dtmf/others.csv",
            {},
            404,
            "no part 'others' to export; there are rows, subtotals, timeline, comparison, calls",
        ),
        ("dtmf/subtotals.csv", {}, 400, "`by`"),
        ("dtmf/subtotals.csv", {"by": "MOON"}, 400, "`by`"),
        ("usa_rate_center/subtotals.csv", {"by": "RC", "columns": "prefix"}, 400, "'prefix'"),
        ("usa_rate_center/subtotals.csv", {"by": "RC", "orderBy": '[{"column": "PREFIX"}]'}, 400, "summed away"),
        ("dtmf/timeline.csv", {}, 400, "`every`"),
        ("dtmf/timeline.csv", {"every": "SECOND"}, 400, "`every`"),
        ("dtmf/timeline.csv", {"every": "DAY", "first": "3"}, 400, "no argument 'first'"),
        ("dtmf/timeline.csv", {"every": "DAY", "by": "ROUTE", "series": "0"}, 400, "`series` is 0"),
        ("dtmf/timeline.csv", {"every": "DAY", "by": "ROUTE", "series": "x"}, 400, "`series` is not JSON"),
        ("dtmf/comparison.csv", {}, 400, "`with`"),
        ("dtmf/comparison.csv", {"with": "{}"}, 400, "'ComparedPeriod' must specify exactly one key"),
        ("dtmf/comparison.csv", {"with": '{"period": "PREVIOUS_PERIOD"}', "columns": "digits"}, 400, "'digits'"),
        ("dtmf/calls.csv", {"orderBy": "[]"}, 400, "no argument 'orderBy'"),
        ("dtmf/calls.csv", {"after": "x"}, 400, "`after` is no cursor"),
        ("dtmf/calls.csv", {"first": "-1"}, 400, "`first` is '-1'"),
        ("dtmf/calls.csv", {"first": "9" * 30}, 400, "`first`"),
        ("dtmf/rows.csv", {"offset": "1.5"}, 400, "`offset` is '1.5'"),
        ("dtmf/rows.zip", {}, 400, "there are csv"),
        ("dtmf/rows.txt.zip", {}, 400, "'txt'"),
        ("nothing/rows.csv", {}, 404, "'nothing'"),
    ],
)
def test_requests_that_are_wrong(site: Site, file: str, arguments: dict[str, Any], status: int, told: str) -> None:
    headers = {"Authorization": f"Bearer {site.staff_key}"}
    given = {"customer": "5003", **SPAN, **arguments}
    for method in ("GET", "HEAD"):
        response = site.client.request(method, f"/export/{file}", params=given, headers=headers)
        assert response.status_code == status
        assert method == "HEAD" or told in response.json()["errors"][0]["message"]
