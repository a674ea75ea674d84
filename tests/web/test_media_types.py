"""What `Accept` and `Content-Type` mean."""

import pytest

from gqlreports.web.http import GRAPHQL, JSON, is_json, negotiate


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        (GRAPHQL.upper(), GRAPHQL),
        (f"{GRAPHQL}, {JSON}", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL};q=0.5, {JSON}", JSON),
        (f"{GRAPHQL};q=0.9, */*;q=0.8", GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8, {JSON}; charset=utf-8", GRAPHQL),
        (f"{GRAPHQL}, application/graphql+json, {JSON}, text/event-stream, multipart/mixed", GRAPHQL),
        (f"{GRAPHQL};q=0, */*", JSON),
        (f"{JSON};q=0, */*;q=0.1", GRAPHQL),
        ("text/html, */*;q=0.1", JSON),
        ("image/png", None),
        ("text/event-stream", None),
        ("*/*;q=0", None),
        (f"{JSON};q=nonsense", None),
    ],
)
def test_accept(accept: str, media_type: str | None) -> None:
    assert negotiate(accept) == media_type


@pytest.mark.parametrize("content_type", [JSON, JSON.upper(), f"{JSON};charset=UTF-8", f'{JSON}; charset="utf-8"'])
def test_json(content_type: str) -> None:
    assert is_json(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        " ",
        "text/plain",
        "application/jsonx",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        f"{JSON}; charset=utf-16",
        f"text/plain, {JSON}",
        "json",
        GRAPHQL,
    ],
)
def test_no_json(content_type: str) -> None:
    assert not is_json(content_type)
