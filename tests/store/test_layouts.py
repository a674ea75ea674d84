"""Files of switches, made by hand in their documented form, and what their calls must be, worked out by hand."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gqlreports.store.cdr_columns import COLUMNS, KINDS, Kind
from gqlreports.store.formats import ReadOptions
from gqlreports.store.layout import shipped
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.store.load_counts import LoadCounts
from tests.store.test_load_cdrs import Store, home
from tests.support.sites import Engine, nothing

__all__ = ["home"]
SWITCHES = Path(__file__).parent / "switches"
NAMES = sorted(path.stem for path in SWITCHES.glob("*.json") if path.stem in shipped())
NUMBERS = (Kind.MONEY, Kind.SECONDS, Kind.QUALITY, Kind.WHOLE)


@pytest.fixture
def store(engine: Engine, home: Path, tmp_path: Path) -> Store:
    return Store(engine.open(home), tmp_path)


def sample(name: str) -> Path:
    [path] = [each for each in SWITCHES.glob(f"{name}.*") if each.suffixes != [".json"]]
    return path


def load(store: Store, name: str, layout: str | None) -> tuple[LoadCounts, Any]:
    truth = json.loads((SWITCHES / f"{name}.json").read_text())
    options = ReadOptions(
        layout=shipped()[layout] if layout else None,
        time_zone=truth["options"].get("time_zone"),
        constants=truth["options"].get("set") or {},
    )
    path = store.folder / sample(name).name
    path.write_bytes(sample(name).read_bytes())
    return asyncio.run(load_cdrs(store.backend, str(path), nothing, options=options)), truth


def value(name: str, text: Any) -> Any:
    if name == "answered":
        return text in (True, "true")
    if name == "extra":
        return json.loads(text) if text else {}
    kind = KINDS[name]
    if kind is Kind.MOMENT:
        return datetime.fromisoformat(text).replace(tzinfo=None) if text else None
    if kind in NUMBERS:
        return Decimal(text) if text != "" else None
    return text


def calls(store: Store) -> list[dict[str, Any]]:
    names = [*(each.name for each in COLUMNS), "answered"]
    found = []
    for row in store.query(f"SELECT {', '.join(names)} FROM cdr"):
        call: dict[str, Any] = dict(zip(names, row, strict=True))
        call["extra"] = json.loads(call["extra"]) if call["extra"] else {}
        for name, each in call.items():
            if isinstance(each, datetime):
                call[name] = each.astimezone(UTC).replace(tzinfo=None) if each.tzinfo else each
            elif isinstance(each, int | Decimal) and not isinstance(each, bool):
                call[name] = Decimal(each)
        found.append(call)
    return sorted(found, key=place)


def place(call: dict[str, Any]) -> tuple[Any, ...]:
    return call["dt"], call["switch"], call["callid"], call["branch_idx"], call["customer_id"]


def told(truth: Any) -> list[dict[str, Any]]:
    """The calls of the truth with what stands in the columns that it leaves out."""
    empty: dict[str, Any] = {}
    for column in COLUMNS:
        number = column.kind in NUMBERS and column.name not in ("pdd_out", "mos", "packet_loss", "jitter")
        empty[column.name] = Decimal(0) if number else "" if column.kind is Kind.TEXT else None
    empty["extra"] = {}
    rows = []
    for call in truth["calls"]:
        extra = {name.removeprefix("extra."): text for name, text in call.items() if name.startswith("extra.")}
        known = {name: value(name, each) for name, each in call.items() if not name.startswith("extra.")}
        known.pop("answer_time", None)
        rows.append(empty | known | ({"extra": extra} if extra else {}))
    return sorted(rows, key=place)


@pytest.mark.parametrize("name", NAMES)
def test_the_calls_of_a_switch(store: Store, name: str) -> None:
    counts, truth = load(store, name, name)
    found, expected = calls(store), told(truth)
    assert [place(call) for call in found] == [place(call) for call in expected]
    for call, right in zip(found, expected, strict=True):
        assert {name: each for name, each in call.items() if each != right.get(name)} == {}, right
    assert (counts.left_out, counts.rejected) == (truth["left_out"], len(truth["rejected"]))
    rejects = store.rejects(sample(name).name)
    assert [line for line, _, _ in sorted(rejects)] == [line for line, _ in truth["rejected"]]
    for (_, reason, _), (_, word) in zip(sorted(rejects), truth["rejected"], strict=True):
        assert word in reason
    stored = counts.added + counts.there_before + counts.repeated
    assert counts.read == stored + counts.left_out + counts.joined + counts.rejected


@pytest.mark.parametrize("name", NAMES)
def test_a_file_again_adds_nothing(store: Store, name: str) -> None:
    load(store, name, name)
    before = calls(store)
    again, _ = load(store, name, name)
    assert (again.added, again.differing) == (0, 0)
    assert calls(store) == before


@pytest.mark.parametrize("name", [name for name in NAMES if name != "connexcs"])
def test_a_file_is_recognised(store: Store, name: str) -> None:
    counts, _ = load(store, name, None)
    assert counts.layout == name
