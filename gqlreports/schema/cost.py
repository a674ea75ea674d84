"""Counts what a GraphQL document requests, visiting each fragment only once.

If each fragment uses the next one twice, the number of fields grows exponentially with the length of the document.  So
the cost of each fragment is computed once and stored.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
)

COSTS = 32
"""How many documents' costs are cached."""
_REPORTS = ("customReport", "customReports", "node")
"""The fields of the query that can be a report."""


@dataclass(frozen=True)
class Cost:
    """The depth of fields and of values, and the number of other things; each use of a fragment counts.

    A field is repeated if another field beside it has the same name in the response.  GraphQL merges the two, and
    validation compares every pair of them.
    """

    depth: int = 0
    value_depth: int = 0
    aliases: int = 0
    directives: int = 0
    repeated_fields: int = 0
    reports: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            max(self.depth, other.depth),
            max(self.value_depth, other.value_depth),
            self.aliases + other.aliases,
            self.directives + other.directives,
            self.repeated_fields + other.repeated_fields,
            self.reports + other.reports,
        )

    def below(self) -> "Cost":
        """The same cost one level deeper, without reports, because only fields of the query are reports."""
        return replace(self, depth=self.depth + 1, reports=0)


NOTHING = Cost()


@dataclass(frozen=True)
class _Selected:
    """The cost of some selections, and how often each name occurs on their own level."""

    cost: Cost = NOTHING
    names: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "_Selected") -> "_Selected":
        return _Selected(self.cost + other.cost, self.names + other.names)

    @property
    def whole(self) -> Cost:
        return self.cost + Cost(repeated_fields=self.names.total() - len(self.names))


class DocumentCost:
    """The cost of each operation of a document, which may be invalid.

    A fragment that is missing or contains itself costs nothing, because validation refuses it.
    """

    def __init__(self, document: DocumentNode) -> None:
        found = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
        self._fragments: dict[str, _Selected] = {}
        for each in _in_order(found):
            own = _Selected(Cost(directives=len(each.directives or ())))
            self._fragments[each.name.value] = own + self._selected(each.selection_set)
        operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        self.operations = {each.name.value if each.name else None: self._operation(each) for each in operations}
        self.total = sum(self.operations.values(), NOTHING)

    def _operation(self, operation: OperationDefinitionNode) -> Cost:
        cost = Cost(directives=len(operation.directives or ())) + self._selected(operation.selection_set).whole
        for each in operation.variable_definitions or ():
            cost += Cost(value_depth=_levels(each.default_value), directives=len(each.directives or ()))
        return cost

    def _selected(self, selection_set: SelectionSetNode | None) -> _Selected:
        cost, names = NOTHING, Counter[str]()
        for each in selection_set.selections if selection_set else ():
            selected = self._selection(each)
            cost += selected.cost
            names.update(selected.names)
        return _Selected(cost, names)

    def _selection(self, selection: SelectionNode) -> _Selected:
        directives = _Selected(Cost(directives=len(selection.directives or ())))
        if isinstance(selection, FragmentSpreadNode):
            return directives + self._fragments.get(selection.name.value, _Selected())
        inner = self._selected(getattr(selection, "selection_set", None))
        if not isinstance(selection, FieldNode):
            return directives + inner
        values = max((_levels(each.value) for each in selection.arguments or ()), default=0)
        own = Cost(1, values, 1 if selection.alias else 0, reports=int(selection.name.value in _REPORTS))
        name = (selection.alias or selection.name).value
        return _Selected(directives.cost + own + inner.whole.below(), Counter([name]))


def _in_order(fragments: list[FragmentDefinitionNode]) -> list[FragmentDefinitionNode]:
    """The fragments, each after the fragments that it uses; an empty list if they form a cycle."""
    by_name = {each.name.value: each for each in fragments}
    uses = {name: _spreads(each) for name, each in by_name.items()}
    try:
        return [by_name[name] for name in TopologicalSorter(uses).static_order() if name in by_name]
    except CycleError:
        return []


def _spreads(fragment: FragmentDefinitionNode) -> set[str]:
    level: list[SelectionNode] = list(fragment.selection_set.selections)
    found: set[str] = set()
    while level:
        found |= {each.name.value for each in level if isinstance(each, FragmentSpreadNode)}
        inner = [each.selection_set for each in level if isinstance(each, FieldNode | InlineFragmentNode)]
        level = [each for within in inner if within for each in within.selections]
    return found


@lru_cache(COSTS)
def document_cost(document: DocumentNode) -> DocumentCost:
    return DocumentCost(document)


def nesting(value: object) -> int:
    """How deeply lists and objects are nested in a JSON value."""
    level, found = [value], 0
    while level := [each for each in level if isinstance(each, list | dict)]:
        found += 1
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return found


def _levels(value: ValueNode | None) -> int:
    level, found = [value], 0
    while level := [each for each in level if isinstance(each, ListValueNode | ObjectValueNode)]:
        found += 1
        level = [inner for each in level for inner in _within(each)]
    return found


def _within(value: ValueNode | None) -> list[ValueNode | None]:
    if isinstance(value, ObjectValueNode):
        return [each.value for each in value.fields]
    return list(value.values) if isinstance(value, ListValueNode) else []
