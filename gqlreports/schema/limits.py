"""The limits of a caller, as the API shows them."""

from typing import Any

import strawberry

from gqlreports.limits import Large, RequestLimits
from gqlreports.schema.context import ReportInfo
from gqlreports.schema.scalars import BigInt


def _limits_type() -> type[Any]:
    fields = RequestLimits.model_fields
    large = {name for name, kind in RequestLimits.__annotations__.items() if kind is Large}
    namespace: dict[str, Any] = {
        name: strawberry.field(description=f"{each.description}.") for name, each in fields.items()
    }
    namespace["__annotations__"] = {name: BigInt if name in large else int for name in fields}
    return strawberry.type(type("Limits", (), namespace), description="How much one key may ask for.")


_LIMITS = _limits_type()


def limits(info: ReportInfo) -> Any:
    return _LIMITS(**dict(info.context.door.limits))


limits.__annotations__["return"] = _LIMITS
