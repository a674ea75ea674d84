"""The extras of an installation: packages that only some need."""

from collections.abc import Iterator
from contextlib import contextmanager

from gqlreports.errors import NotInstalled


@contextmanager
def needed(extra: str, by: str) -> Iterator[None]:
    """Around an import of what an extra brings; `by` tells what needs it: "Parquet files need".

    Raises NotInstalled where it is not there.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise NotInstalled(f"{by} more packages: pip install 'gqlreports[{extra}]'.") from error
