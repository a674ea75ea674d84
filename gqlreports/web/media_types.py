"""The media types of requests and responses, as GraphQL over HTTP has them."""

from email.message import Message
from functools import lru_cache

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
KEPT = 128
"""Of how many headers it is remembered what they mean."""
_RANGES = {GRAPHQL: (GRAPHQL, "application/*", "*/*"), JSON: (JSON, "application/*", "*/*")}


@lru_cache(KEPT)
def negotiated(accept: str) -> str | None:
    """The media type of the response that an `Accept` header asks for; None where it takes neither.

    JSON is for those who say nothing or take anything; who names both alike gets the newer one.
    """
    if not accept.strip():
        return JSON
    qualities = dict(_quality(each) for each in accept.split(","))
    graphql, json = (_best(kind, qualities) for kind in (GRAPHQL, JSON))
    if max(graphql, json) <= 0:
        return None
    return GRAPHQL if graphql > json or (graphql == json and GRAPHQL in qualities) else JSON


@lru_cache(KEPT)
def is_json(content_type: str) -> bool:
    """Whether a request's body is JSON in UTF-8, by its `Content-Type`."""
    header = _parsed(content_type)
    charset = str(header.get_param("charset", "utf-8"))
    return bool(content_type.strip()) and header.get_content_type() == JSON and charset.lower() in ("utf-8", "utf8")


def _quality(text: str) -> tuple[str, float]:
    header = _parsed(text)
    kind = text.partition(";")[0].strip().lower()
    try:
        return kind, float(str(header.get_param("q", "1")))
    except ValueError:
        return kind, 0.0


def _best(kind: str, qualities: dict[str, float]) -> float:
    """The most specific range that holds a media type says how welcome it is."""
    return next((qualities[each] for each in _RANGES[kind] if each in qualities), 0.0)


def _parsed(text: str) -> Message:
    header = Message()
    header["Content-Type"] = text.strip()
    return header
