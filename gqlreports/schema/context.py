"""What a resolver is given of the world."""

from dataclasses import dataclass
from typing import TypeAlias

from strawberry.types.info import Info

from gqlreports.backends.base import Backend
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Principal


@dataclass(frozen=True)
class Context:
    """Who asks, and where the answers are."""

    principal: Principal
    directory: Directory
    backend: Backend


ReportInfo: TypeAlias = Info[Context, None]
