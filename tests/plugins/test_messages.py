"""What an author reads of a mistake: a sentence with the column, the place, and what to write instead."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import GraphQLInputObjectType, GraphQLNamedType

from gqlreports.directory.principal import Role
from gqlreports.plugins.registry import GENERATED, OWN_TYPES, Registry
from gqlreports.schema.query import build_schema
from gqlreports.testing import run_report
from tests.plugins.test_registry import COLUMNS, GOOD, OWN_NAMES, OWN_PLUGINS, Shelf, broken, load_with, with_parameter
from tests.support.sites import Engine


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    yield from Shelf.of(tmp_path, monkeypatch)


def figure(text: str) -> str:
    return broken(f"{COLUMNS}\n    size = measure({text}, '')")


def key(text: str) -> str:
    return broken(f"{COLUMNS}\n    place = dimension({text}, '')")


def method(text: str) -> str:
    return broken(f"{COLUMNS}\n    {text}")


WRITE_TOTAL = "write total(cdr.c.duration, ...), count(...) or whole(func.max(...), ...)"
MISTAKES = [
    pytest.param(
        key("cdr.c.acount"),
        "column place of Broken: there is no column acount of cdr (shelf_broken.py, line 11); is account meant?",
        id="misspelt column",
    ),
    pytest.param(
        figure("total(cdr.c.xyzzy, '')"),
        "column size of Broken: there is no column xyzzy of cdr (shelf_broken.py, line 11)",
        id="misspelt column of a figure",
    ),
    pytest.param(
        method("def where(self, parameters): return cdr.c.duraton > 1"),
        "where of Broken: there is no column duraton of cdr (shelf_broken.py, line 11); is duration meant?",
        id="misspelt column of where",
    ),
    pytest.param(
        figure("func.sum(cdr.c.duration)"),
        f"column size of Broken: a figure is needed, and this is SQL: sum(cdr.duration); {WRITE_TOTAL}",
        id="SQL as measure",
    ),
    pytest.param(figure("func.count()"), f"this is SQL: count(*); {WRITE_TOTAL}", id="count as measure"),
    pytest.param(
        broken(f"{COLUMNS}\n    size = ratio(func.count(), attempts, '')"),
        "column size of Broken: a figure is needed, and this is SQL",
        id="SQL in a ratio",
    ),
    pytest.param(
        figure("customer_charge"),
        "column size of Broken: a figure is needed, and this is money; take its .total or .currency",
        id="money as measure",
    ),
    pytest.param(
        figure("Sum()"),
        "column size of Broken: a figure is needed, and this is a Sum; write Aggregate(sums=(...), ...)",
        id="sum as measure",
    ),
    pytest.param(
        figure("'calls'"), "column size of Broken: a figure is needed, and this is the str 'calls'", id="text"
    ),
    pytest.param(
        figure("lambda parameters: parameters.seconds"),
        "column size of Broken: its figure cannot be built (AttributeError: ",
        id="figure of no parameter",
    ),
    pytest.param(
        with_parameter(
            "money: bool = False",
            "size = measure(lambda given: customer_charge.total if given.money else attempts, '')",
        ),
        "column size of Broken: its figure is COUNT, and MONEY with money=True; it must keep its type",
        id="figure of two types",
    ),
    pytest.param(
        figure("whole(func.count(), COUNT, '')"),
        "column size of Broken has count(*), which also counts what a correction took back; write attempts, count(...)",
        id="count without the sign",
    ),
    pytest.param(
        figure("whole(func.avg(cdr.c.duration), RATIO, '')"),
        "column size of Broken has avg(cdr.duration), which also counts what a correction took back",
        id="mean without the sign",
    ),
    pytest.param(
        figure("whole(func.sumIf(cdr.c.duration, cdr.c.answered), SECONDS, '')"),
        "column size of Broken has sumIf(",
        id="sum without the sign",
    ),
    pytest.param(
        broken(
            f"{COLUMNS}\n    def statement(self, scope):\n"
            "        return select(cdr.c.account, func.count().label('calls')).group_by(cdr.c.account)"
        ),
        "the statement of Broken has count(*), which also counts what a correction took back",
        id="count in a statement",
    ),
    pytest.param(
        key("text('account')"),
        "column place of Broken: its key is text(...), which has no type; write cdr.c.NAME or literal_column(...)",
        id="text",
    ),
    pytest.param(
        key("'account'"), "column place of Broken: its key is the str 'account'; write cdr.c.account", id="str as key"
    ),
    pytest.param(
        method("async def statement(self, scope): ..."),
        "the statement of Broken is a coroutine; write `def`, not `async def`",
        id="async statement",
    ),
    pytest.param(
        method("async def where(self, parameters): ..."),
        "where of Broken is a coroutine; write `def`, not `async def`",
        id="async where",
    ),
    pytest.param(
        broken(f"{COLUMNS}\n    place = dimension(find, '')", "async def find(parameters): ..."),
        "column place of Broken: its function is a coroutine; write `def`, not `async def`",
        id="async key",
    ),
    pytest.param(
        method("def where(self, parameters): return 'answered'"),
        "where of Broken is the str 'answered'; it is a condition such as cdr.c.answered",
        id="where of a str",
    ),
    pytest.param(
        method("def statement(self, scope): pass"),
        "the statement of Broken is None; it returns a select(...)",
        id="statement of nothing",
    ),
    pytest.param(
        method("def statement(self, scope): return text('SELECT 1')"),
        "the statement of Broken is text(...); it returns a select(...)",
        id="statement of text",
    ),
    pytest.param(
        broken("account = dimension(cdr.c.account, None)\n    calls = measure(attempts, '')"),
        "column account of Broken: its description is None, not a text",
        id="no description",
    ),
    pytest.param(
        broken("account = dimension(cdr.c.account, '', unit=3)\n    calls = measure(attempts, '')"),
        "column account of Broken: its unit is the int 3, not a text",
        id="unit of a number",
    ),
    pytest.param(
        with_parameter("size: int = Field(default=1, description=7)"),
        "parameter size of Broken: its description is the int 7, not a text",
        id="description of a parameter",
    ),
    pytest.param(
        with_parameter("side: Side = Side.true", before="class Side(Enum):\n    true = 1"),
        "parameter side of Broken: its enum Side has the value true, which GraphQL keeps for itself",
        id="enum value true",
    ),
    pytest.param(
        with_parameter("side: Side = None", before="class Side(Enum):\n    pass"),
        "parameter side of Broken: its enum Side has no value",
        id="enum without values",
    ),
    pytest.param(
        with_parameter("side: Side = 'A'", before="class Side(Enum):\n    A = 'A'"),
        "parameter side of Broken: its default is the str 'A', not a Side",
        id="default of another type",
    ),
    pytest.param(
        with_parameter("size: int = 'many'"),
        "parameter size of Broken: its default is the str 'many', not an int",
        id="text as number",
    ),
    pytest.param(
        with_parameter("size: int = 3_000_000_000"),
        "parameter size of Broken: its default is 3000000000, and GraphQL's Int ends at 2147483647",
        id="default beyond Int",
    ),
    pytest.param(
        with_parameter("side: Side = Side.A", before="Side = Enum('Größe', 'A')"),
        "parameter side of Broken: its enum Größe has a name",
        id="name of an enum",
    ),
    pytest.param(
        with_parameter(
            "side: Side = Side.A\n    other: Other = Other.B",
            before="Side = Enum('Side', 'A')\nOther = Enum('Side', 'B')",
        ),
        "parameter other of Broken: another parameter has another enum of the name Side",
        id="two enums of one name",
    ),
    pytest.param(method("title = '\\ud800'"), "title of Broken is not Unicode", id="title of half a character"),
    pytest.param(method("__doc__ = 7"), "the docstring of Broken is the int 7, not a text", id="docstring of a number"),
    pytest.param(
        figure("Aggregate((Sum(),), abs, COUNT, '', additivity='ADDITIVE')"),
        "column size of Broken: its additivity is the str 'ADDITIVE', not an Additivity",
        id="additivity in words",
    ),
    pytest.param(
        broken(f"{COLUMNS}\n    customer_id = measure(attempts, '')"),
        "column customer_id of Broken has the name of a field that stands beside columns; choose another",
        id="measure with the name of the customer",
    ),
    pytest.param(method("title = 7"), "title of Broken is the int 7, not a text", id="title of a number"),
    pytest.param(method("fact = cdr"), "fact of Broken is a StoreTable, not a Fact", id="table as fact"),
    pytest.param(
        with_parameter("most: bool = False", "def where(self, given): return given.nonsense if given.most else None"),
        "where of Broken: it fails with most=True (AttributeError: ",
        id="fails with another parameter",
    ),
    pytest.param(
        with_parameter(
            "most: bool = False",
            "rollup = True\n    def where(self, given): return given.nonsense if given.most else None",
        ),
        "Broken",
        id="rollup that fails",
    ),
]


@pytest.mark.parametrize(("source", "told"), MISTAKES)
def test_a_mistake_is_told(shelf: Shelf, caplog: pytest.LogCaptureFixture, source: str, told: str) -> None:
    shelf.install("shelf-broken", source, BROKEN="shelf_broken:Broken")
    error = load_with(shelf, caplog)
    assert error.startswith("shelf-broken: BROKEN = shelf_broken:Broken: ")
    assert told in error
    assert "\n" not in error


def test_the_other_reports_of_a_module_stay(shelf: Shelf) -> None:
    """A misspelt column is found when its report is checked, and not when the module is imported."""
    shelf.install("shelf-mixed", f"{key('cdr.c.acount')}\n{GOOD}", BROKEN="shelf_mixed:Broken", FINE="shelf_mixed:Good")
    registry = Registry.load(shelf.plugins)
    assert set(registry.reports) == {"FINE"}
    assert [each.name for each in registry.refused] == ["BROKEN"]


def test_an_error_at_import_has_its_place(shelf: Shelf) -> None:
    source = "def half(number):\n    return number / 0\n\nhalf(3)\n"
    shelf.install("shelf-broken", source, BROKEN="shelf_broken:Broken")
    [refused] = Registry.load(shelf.plugins).refused
    assert "no such class can be loaded (ZeroDivisionError: division by zero; shelf_broken.py, line 8)" in refused.error


def test_a_misspelt_column_of_ones_own_table(shelf: Shelf) -> None:
    source = (
        "from sqlalchemy import Column, MetaData, String, Table\n"
        "message = Table('message', MetaData(), Column('sent_at', String))\n"
        "message.c.sentat\n"
    )
    shelf.install("shelf-broken", source, BROKEN="shelf_broken:Broken")
    [refused] = Registry.load(shelf.plugins).refused
    assert "(there is no column sentat; is sent_at meant?; shelf_broken.py, line 9)" in refused.error


@pytest.mark.parametrize("name", ["BREAKOUT_COMPARISON", "DTMF_COMPARISON", "STRING", "DATE_TIME"])
def test_a_name_whose_types_there_are(shelf: Shelf, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """BreakoutComparison and Row make the type that Breakout and ComparisonRow make."""
    shelf.install("shelf-broken", GOOD, **{name: "shelf_broken:Good"})
    error = load_with(shelf, caplog)
    assert error.startswith(f"shelf-broken: {name} = shelf_broken:Good: the name {name} is taken")
    owner = "gqlreports" if name in ("STRING", "DATE_TIME") else f"{name.removesuffix('_COMPARISON')} of gqlreports"
    assert f"by {owner}" in error
    build_schema(Registry.load([*shelf.plugins, *OWN_PLUGINS]), Role.STAFF)


def test_two_plugins_whose_types_clash(shelf: Shelf) -> None:
    """Neither is preferred: no package can put its figures in the place of another's."""
    shelf.install("shelf-a", GOOD, CALLS_COMPARISON="shelf_a:Good", OTHER="shelf_a:Good")
    shelf.install("shelf-b", GOOD, CALLS="shelf_b:Good")
    registry = Registry.load(shelf.plugins)
    assert set(registry.reports) == {"OTHER"}
    of_a, of_b = sorted(registry.refused, key=lambda each: each.distribution)
    assert "the name CALLS_COMPARISON is taken by CALLS of shelf-b" in of_a.error
    assert "the name CALLS is taken by CALLS_COMPARISON of shelf-a" in of_b.error


def test_the_types_of_reports_are_known() -> None:
    """What the registry says that a report's types are named is what the schema names them."""
    registry = Registry.load(OWN_PLUGINS, strict=True)
    prefixes = {each.type_name for each in registry.reports.values()}
    for role in Role:
        types: dict[str, GraphQLNamedType] = build_schema(registry, role)._schema.type_map
        made = {name: prefix for name in types for prefix in prefixes if name.startswith(prefix)}
        enums = {name for name, prefix in made.items() if name.removeprefix(prefix) not in GENERATED}
        given = [each for each in types.values() if isinstance(each, GraphQLInputObjectType)]
        assert enums <= {str(field.type).strip("!") for each in given for field in each.fields.values()}
        own = {name for name in set(types) - set(made) if name.endswith(tuple(GENERATED))}
        assert {name for name in own if not name.startswith("__")} <= OWN_TYPES


def test_two_parameters_of_one_enum(shelf: Shelf) -> None:
    source = with_parameter("side: Side = Side.A\n    other: Side = Side.A", before="Side = Enum('Side', 'A')")
    shelf.install("shelf-sides", source, SIDES="shelf_sides:Broken")
    schema = build_schema(Registry.load(shelf.plugins, strict=True), Role.STAFF).as_str()
    assert "side: SidesSide = A" in schema
    assert "other: SidesSide = A" in schema


def test_a_measure_that_depends_on_a_parameter(shelf: Shelf, engine: Engine) -> None:
    source = """
class ShortParameters(ReportParameters):
    seconds: int = 10

class Short(Report):
    Parameters = ShortParameters
    account = dimension(cdr.c.account, '')
    short = measure(lambda given: count(cdr.c.duration < given.seconds, 'calls under `seconds`'), '')
    share = ratio(lambda given: count(cdr.c.duration < given.seconds, 'calls under `seconds`'), attempts, '')
"""
    shelf.install("shelf-short", source, SHORT="shelf_short:Short")
    registry = Registry.load([*shelf.plugins, *OWN_PLUGINS], strict=True)
    report = type(registry.reports["SHORT"].report)
    calls = [{"account": "a", "duration": str(seconds)} for seconds in (5, 15, 25, 35)]
    engine.close()
    assert run_report(report, calls) == [{"account": "a", "short": 1, "share": 0.25}]
    assert run_report(report, calls, seconds=30) == [{"account": "a", "short": 3, "share": 0.75}]
    assert "short: BigInt!" in build_schema(registry, Role.STAFF).as_str()


def test_a_misspelt_column_of_a_tests_calls(shelf: Shelf) -> None:
    shelf.install("shelf-good", GOOD, GOOD="shelf_good:Good")
    report = type(Registry.load(shelf.plugins, strict=True).reports["GOOD"].report)
    with pytest.raises(ValueError, match=r"call 1 has durtion, which is no column of a CDR file; is duration meant\?"):
        run_report(report, [{"account": "a"}, {"durtion": "3"}])


def test_shipped_reports_pass_all_checks() -> None:
    assert set(Registry.load(OWN_PLUGINS, strict=True).reports) == OWN_NAMES
