"""Awkward texts arrive as they are in every format, and none is a formula in a spreadsheet."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
import pytest
from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import literal_column

from gqlreports.backends.base import Customers, Statement
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.export.columns import row_columns
from gqlreports.export.export import Export
from gqlreports.export.formats import FORMATS
from gqlreports.export.parts import RowsPart
from gqlreports.plugins import CountingBasis
from gqlreports.schema.plan.printing import safe
from gqlreports.schema.request import ReportRequest
from tests.support.export_reports import SHIPPED
from tests.support.readers import READERS, guarded
from tests.support.sites import Engine, nothing

REPORT = SHIPPED["GROUP_BY_TECH_PREFIX"]
COLUMN = REPORT.report.columns["tech_prefix"]
TEXTS = [
    *("=cmd|' /C calc'!A0", "+12125550100", "-1", "+1-212", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1+1", "\0=1", "＝1"),  # noqa: RUF001
    *('"', '""', 'a"b', "a,b", "a\nb", "a\r\nb", "\\N", "NULL", "# 3 rows", "'", "\\", "\\n", "a\0b", "é", "日本"),
    *("<r>x</r>", "<r></is></c><c><f>1+1</f></c></r>", "_x0041_", "&amp;", " ", " a ", "007", "1e5", "true", "\u2028"),
    *("😀", "\x1b"),
]  # fmt: skip


@pytest.fixture(scope="module")
def store(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBackend]:
    """A call for each text, and one whose text is not Unicode."""
    backend = engine.open(tmp_path_factory.mktemp("texts") / "store")
    rows = [
        {"customer_id": "1", "callid": str(n), "dt": "2025-11-03 09:00:00.000", "tech_prefix": text, "sign": 1}
        for n, text in enumerate([*TEXTS, "BROKEN"])
    ]
    printed = b"\n".join(map(orjson.dumps, rows)).replace(b"BROKEN", b"bad \xff.")

    async def filled() -> None:
        async with backend.session() as session:
            await session.insert("cdr", list(rows[0]), printed, "JSONEachRow")

    asyncio.run(filled())
    yield backend
    engine.close()


def exported(backend: EmbeddedBackend, form: str) -> list[str | None]:
    start, end = datetime(2025, 11, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC)
    request = ReportRequest(
        REPORT, Customers.of("1"), start, end, REPORT.report.Parameters(), CountingBasis.CALL, staff=True
    )

    async def read() -> bytes:
        pieces = FORMATS[form].write(Export(request, RowsPart(), row_columns((COLUMN,))), backend, nothing)
        return b"".join([piece async for piece in pieces])

    return [row["techPrefix"] for row in READERS[form](asyncio.run(read()), (COLUMN,))]


@pytest.mark.parametrize("form", READERS)
def test_texts_arrive_as_they_are(store: EmbeddedBackend, form: str) -> None:
    texts = sorted([*TEXTS, "bad \ufffd."], key=lambda text: text.encode())
    assert sorted(map(str, exported(store, form))) == sorted(guarded(text) if form == "csv" else text for text in texts)


def safe_in_store(backend: EmbeddedBackend, texts: list[str]) -> list[str]:
    """What the SQL of a CSV cell makes of texts."""
    sql = str(safe(COLUMN.type, literal_column("text")).compile(dialect=ClickHouseDialect(server_side_params=True)))
    statement = Statement(
        f"SELECT {sql} AS text FROM (SELECT arrayJoin({{texts:Array(String)}}) AS text)", {"texts": texts}
    )
    return [row["text"] for row in orjson.loads(asyncio.run(backend.fetch_json(statement)).json)]


parts = st.text(st.sampled_from("=+-@＝＋－＠\t\r\n \0'\"aZ09é😀"), max_size=6)  # noqa: RUF001
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.one_of(parts, any_text), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
def test_no_text_is_a_formula(store: EmbeddedBackend, texts: list[str]) -> None:
    assert safe_in_store(store, texts) == [guarded(text) for text in texts]


@given(st.from_regex(r"[+-][0-9]{1,15}", fullmatch=True).filter(str.isascii))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
def test_telephone_numbers_stay_as_they_are(store: EmbeddedBackend, number: str) -> None:
    assert safe_in_store(store, [number]) == [number]


def test_formulas_of_textbooks(store: EmbeddedBackend) -> None:
    texts = ["=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠1"]  # noqa: RUF001
    assert safe_in_store(store, texts) == [f"'{text}" for text in texts]
