"""The arguments of the tools: their JSON schemas, and what is wrong with given ones, in words."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from gqlreports.errors import InvalidInput

MOST_ROWS = 200
"""Rows that an answer may have."""

_Report = Annotated[str, Field(description="Report, as list_reports names it")]
_Rows = Annotated[int, Field(ge=1, le=MOST_ROWS, description="Most rows to show")]
_Columns = Annotated[list[str], Field(description="Columns to show")]


class Arguments(BaseModel):
    """The arguments of one tool; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ListReports(Arguments):
    pass


class ListCustomers(Arguments):
    search: str = Field("", description="Part of a name or id")
    rows: _Rows = 50


class DescribeReport(Arguments):
    report: _Report


class ExplainFigure(Arguments):
    figure: str = Field(description="Column, as describe_report names it: asr")
    report: str = Field("", description="Only of this report")


class OfReport(Arguments):
    """What a report is asked for."""

    report: _Report
    customer: str = Field(description="Customer id")
    start: str = Field(alias="from", description="Start: 2025-11-03T08:00:00Z, or a date, which begins in time_zone")
    end: str = Field(alias="to", description="End, which is no part of the range")
    time_zone: str = Field("UTC", description="IANA zone of dates")
    parameters: dict[str, Any] = Field({}, description="Of the report, by name")
    where: dict[str, Any] = Field(
        {}, description='Rows to keep: {"asr": {"lt": 0.4}, "or": [{"total": {"gte": 9}}, {"techPrefix": {"eq": "1"}}]}'
    )


class RunReport(OfReport):
    columns: _Columns = []
    order_by: list[str] = Field([], description='Columns, as ["total:desc", "asr"]; the keys unless told')
    basis: Literal["CALL", "ATTEMPT"] = Field("CALL", description="What counts as one attempt")
    rows: _Rows = 20


class ListCalls(OfReport):
    columns: _Columns = []
    rows: _Rows = 20


class _WithoutTitles(GenerateJsonSchema):
    """The titles only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema_of(arguments: type[Arguments]) -> dict[str, Any]:
    """The JSON schema of a tool's arguments."""
    schema = arguments.model_json_schema(schema_generator=_WithoutTitles)
    return {name: value for name, value in schema.items() if name not in ("title", "description")}


Given = TypeVar("Given", bound=Arguments)


def checked(kind: type[Given], given: Mapping[str, Any]) -> Given:
    """The arguments that a call gives.  Raises InvalidInput, which names each that is wrong."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise InvalidInput(" ".join(_wrong(kind, each) for each in error.errors())) from None


def _wrong(kind: type[Arguments], error: Any) -> str:
    name = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        names = ", ".join(field.alias or name for name, field in kind.model_fields.items())
        return f"There is no argument {name[:64]!r}; there are {names}." if names else "This tool takes no arguments."
    if error["type"] == "missing":
        return f"`{name}` is missing."
    return f"`{name}`: {error['msg']}."
