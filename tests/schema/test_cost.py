"""The cost of a document, against the document with every fragment written out."""

import pytest
from graphql import parse
from hypothesis import given
from hypothesis import strategies as st

from gqlreports.schema.cost import DocumentCost, nesting


def doubling(levels: int) -> str:
    """Fragments that each use the next one twice, under aliases."""
    fragments = [f"fragment f{n} on T {{ a: x {{ ...f{n + 1} }} b: x {{ ...f{n + 1} }} }}" for n in range(levels)]
    return f"{{ ...f0 }} {' '.join(fragments)} fragment f{levels} on T {{ c: y @include(if: true) }}"


def test_fragments_in_fragments_cost_what_they_stand_for() -> None:
    cost = DocumentCost(parse(doubling(10))).total
    # Two fields on the first level, twice as many on each further one, and the last ones once for each path.
    assert cost.aliases == sum(2**n for n in range(1, 11)) + 2**10
    assert cost.directives == 2**10
    assert cost.depth == 11


def test_a_fragment_is_counted_once_however_often_it_is_spread() -> None:
    """Each spread by itself would take years."""
    assert DocumentCost(parse(doubling(60))).total.aliases > 2**60


def test_a_long_chain_of_fragments_is_no_deep_recursion() -> None:
    chain = " ".join(f"fragment f{n} on T {{ ...f{n + 1} }}" for n in range(5000))
    assert DocumentCost(parse(f"{{ ...f0 }} {chain} fragment f5000 on T {{ a: x }}")).total.aliases == 1


@pytest.mark.parametrize(
    "document",
    [
        "{ ...a } fragment a on T { x ...a }",
        "{ ...a } fragment a on T { ...b } fragment b on T { ...a }",
        "{ ...none }",
    ],
)
def test_what_validation_refuses_costs_nothing_but_ends(document: str) -> None:
    assert DocumentCost(parse(document)).total.depth <= 1


def test_reports_are_fields_of_the_query_alone() -> None:
    document = """
    query A { customReport { customReport } a: customReport { x } ...f ... on Query { customReport { x } } }
    query B { viewer { customReport } }
    fragment f on Query { customReport { x } customReport { x } }
    """
    cost = DocumentCost(parse(document))
    assert {name: each.reports for name, each in cost.operations.items()} == {"A": 5, "B": 0}
    assert cost.total.reports == 5


@pytest.mark.parametrize(
    ("document", "repeated"),
    [
        ("{ a b c }", 0),
        ("{ a a a }", 2),
        ("{ a: x a: y b: x }", 1),
        ("{ a { x } a { x } }", 1),
        ("{ a { x x } a { x x } }", 3),
        ("{ a ... on T { a } ... { a } ...f } fragment f on T { a b }", 3),
        ("{ ...f ...f b { ...f } } fragment f on T { a c }", 2),
        ("query A { a } query B { a }", 0),
    ],
)
def test_repeated_fields(document: str, repeated: int) -> None:
    assert DocumentCost(parse(document)).total.repeated_fields == repeated


def test_directives_anywhere() -> None:
    document = "query ($a: Int @d) @d @d { x @d ... @d { y } ...f @d } fragment f on T @d { z @d }"
    assert DocumentCost(parse(document)).total.directives == 8


@pytest.mark.parametrize(
    ("document", "levels"),
    [
        ("{ x(a: 1) }", 0),
        ("{ x(a: [1]) }", 1),
        ("{ x(a: {b: [{c: 1}]}, d: 2) }", 3),
        ("query ($a: T = [[1]]) { x }", 2),
    ],
)
def test_values_within_values(document: str, levels: int) -> None:
    assert DocumentCost(parse(document)).total.value_depth == levels


JSON = st.recursive(
    st.integers(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner)
)


@given(JSON)
def test_nesting_of_json(value: object) -> None:
    deepest = level = 0
    for character in repr(value):
        level += {"[": 1, "{": 1, "]": -1, "}": -1}.get(character, 0)
        deepest = max(deepest, level)
    assert nesting(value) == deepest


AROUND = st.sampled_from(["x", "b: x", "... on T", "... @d"])
FIELDS = st.recursive(
    st.sampled_from(["x", "a: x", "x @d", "...f", "a: x @d @d"]),
    lambda inner: st.builds(
        lambda around, within: f"{around} {{ {' '.join(within)} }}", AROUND, st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=10,
)


@given(FIELDS, FIELDS)
def test_as_if_the_fragment_were_written_out(query: str, fragment: str) -> None:
    fragment = fragment.replace("...f", "x")
    short = DocumentCost(parse(f"{{ {query} }} fragment f on T {{ {fragment} }}")).total
    long = DocumentCost(parse(f"{{ {query.replace('...f', f'... on T {{ {fragment} }}')} }}")).total
    assert short == long
