"""The input type of a report's parameters, and their values."""

from enum import Enum
from typing import Any

import strawberry
from pydantic import ValidationError

from gqlreports.errors import InvalidInput
from gqlreports.plugins import ReportParameters
from gqlreports.plugins.registry import RegisteredReport


def validated(report: RegisteredReport, values: dict[str, Any]) -> ReportParameters:
    """Parameters from their values.  Raises InvalidInput, naming what is wrong."""
    try:
        return report.report.Parameters.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"Parameter {name} of {report.name}: {first['msg']}.") from None


def values_of(values: Any) -> dict[str, Any]:
    """The parameters that a caller set, by name; null is as good as not set."""
    chosen = {name: value for name, value in strawberry.asdict(values).items() if value is not None}
    return {name: value.value if isinstance(value, Enum) else value for name, value in chosen.items()}


def parameters_input(registered: RegisteredReport) -> type[Any] | None:
    """None where it has no parameters."""
    fields = registered.report.Parameters.model_fields
    if not fields:
        return None
    namespace: dict[str, Any] = {"__annotations__": {}}
    for name, each in fields.items():
        annotation: Any = each.annotation
        default = each.default
        if isinstance(annotation, type) and issubclass(annotation, Enum):
            # A copy, for another report or the schema itself may use the class under another name.
            names: dict[str, Any] = {value.name: value.value for value in annotation}
            copy: type[Enum] = Enum(f"{registered.type_name}{annotation.__name__}", names)  # type: ignore[misc]
            annotation, default = strawberry.enum(copy), copy[default.name]
        namespace["__annotations__"][name] = annotation | None
        namespace[name] = strawberry.field(default=default, description=each.description)
    made = type(f"{registered.type_name}Parameters", (), namespace)
    return strawberry.input(made, description=f"Parameters of {registered.title}.")
