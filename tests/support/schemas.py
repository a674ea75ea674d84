"""Schemas that are built once: each takes half a second, and hundreds of tests make an application of the same ones."""

from typing import Any

from gqlreports.directory.principal import Role
from gqlreports.plugins.registry import Registry
from gqlreports.schema.query import ReportsSchema, build_schema

_BUILT: dict[Any, ReportsSchema] = {}


def built_once(registry: Registry, role: Role, **options: Any) -> ReportsSchema:
    """As `build_schema`; the same again for the same classes of reports under the same names, and the same options."""
    reports = tuple((name, type(each.report), each.distribution) for name, each in registry.reports.items())
    key = reports, role, tuple(sorted(options.items()))
    if key not in _BUILT:
        _BUILT[key] = build_schema(registry, role, **options)
    return _BUILT[key]
