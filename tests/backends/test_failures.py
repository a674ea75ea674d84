"""The meaning of the store's failures: every one has one, and none that the driver gains is overlooked."""

import inspect

import aiohttp
import pytest
from clickhouse_connect.driver import exceptions as driver

from gqlreports import errors
from gqlreports.backends.failures import BY_CLASS, BY_CODE, ReadFailed, lost_connection, store_error
from gqlreports.errors import StatementRefused, StoreBusy, StoreError, StoreUnavailable

CLASSES = [each for _, each in inspect.getmembers(driver, inspect.isclass) if each.__module__ == driver.__name__]


def every(kind: type[BaseException]) -> set[type[BaseException]]:
    return {kind}.union(*(every(each) for each in kind.__subclasses__()))


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_of_the_driver_has_a_meaning(kind: type[Exception]) -> None:
    assert kind in BY_CLASS


def test_the_driver_has_none_outside_its_module() -> None:
    ours = {each for each in every(driver.ClickHouseError) if each.__module__.startswith("clickhouse_connect")}
    assert ours <= set(CLASSES)


def test_every_kind_of_store_error_has_a_cause() -> None:
    used = {kind for kind, _ in (*BY_CODE.values(), *BY_CLASS.values())}
    kinds = {each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, StoreError)}
    assert used == kinds - {StatementRefused}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (driver.DatabaseError("", code=202), StoreBusy),
        (driver.DatabaseError("", code=516), StoreUnavailable),
        (driver.DatabaseError("", code=81), StoreUnavailable),
        (driver.DatabaseError("", code=1), StoreError),
        (driver.DatabaseError(""), StoreUnavailable),
        (driver.StreamFailureError(""), StoreUnavailable),
        (driver.StreamFailureError("", code=202), StoreBusy),
        (ReadFailed("x\r\nCode: 202. DB::Exception: much"), StoreBusy),
        (ReadFailed("no number"), StoreError),
        (ConnectionRefusedError(), StoreUnavailable),
        (aiohttp.ServerDisconnectedError(), StoreUnavailable),
    ],
)
def test_what_a_failure_means(error: Exception, kind: type[StoreError]) -> None:
    assert type(store_error(error)) is kind


def test_a_cause_tells_more_than_what_the_driver_makes_of_it() -> None:
    def wrapped(cause: Exception) -> Exception:
        error = driver.OperationalError("Network Error")
        error.__cause__ = cause
        return error

    assert type(store_error(wrapped(aiohttp.SocketTimeoutError()))) is errors.QueryTimeout
    assert type(store_error(wrapped(aiohttp.ConnectionTimeoutError()))) is StoreUnavailable
    assert not lost_connection(wrapped(aiohttp.SocketTimeoutError()))
    assert lost_connection(wrapped(aiohttp.ServerDisconnectedError()))
    assert lost_connection(wrapped(aiohttp.ClientPayloadError()))
    assert not lost_connection(driver.DatabaseError("", code=202))
    assert not lost_connection(driver.DatabaseError(""))


def test_messages_are_sentences_without_the_inside() -> None:
    for _, message in (*BY_CODE.values(), *BY_CLASS.values()):
        assert message.endswith(".")
        assert not set(message) & set("{}\n\\")


def test_operators_are_told_what_callers_are_not() -> None:
    """ClickHouse's own words, on one line and without the statement."""
    told = {
        "reader: Not enough privileges. To execute this query, it's necessary to have the grant SELECT ON t. "
        "(ACCESS_DENIED) (version 26.7.2.1) (for url http://127.0.0.1:1)": (
            497, "The store's user lacks a right: reader needs the grant SELECT ON t."
        ),
        "Unknown identifier `x` in scope SELECT x\nFROM (SELECT 1). (UNKNOWN_IDENTIFIER)": (
            47, "The store could not answer: Unknown identifier `x`."
        ),
        "Timeout exceeded: maximum: 1000 ms: While executing Numbers. (TIMEOUT_EXCEEDED)": (
            159, "The query took longer than it may: Timeout exceeded: maximum: 1000 ms."
        ),
    }  # fmt: skip
    for words, (code, line) in told.items():
        error = store_error(ReadFailed(f"Code: {code}. DB::Exception: {words}"))
        assert error.for_operators == line
        assert str(error) == BY_CODE.get(code, (None, "The store could not answer; the log says why."))[1]
    assert store_error(TimeoutError()).for_operators == str(store_error(TimeoutError()))
    assert store_error(OSError("no route")).for_operators == "The store cannot be reached: no route."
