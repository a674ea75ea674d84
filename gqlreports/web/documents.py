"""Documents that callers need not send: those that were sent before, and those on the operator's list."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import orjson
from cachetools import LRUCache

from gqlreports.directory.principal import Principal
from gqlreports.errors import DocumentNotAllowed, InvalidInput, PersistedQueryNotFound
from gqlreports.web.errors import Refused

DOCUMENTS_KEPT = 1000
"""How many documents are kept by their hash."""


def listed_documents(path: Path) -> dict[str, str]:
    """The documents of an operator's list by their ids.

    The file is what client tools write: a JSON object, id to document.  Raises InvalidInput for any other.
    """
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise InvalidInput(f"GQLREPORTS_DOCUMENTS: {path} cannot be read: {error}.") from error
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise InvalidInput(f"GQLREPORTS_DOCUMENTS: {path} must be a JSON object, id to document.")
    return found


class Documents:
    """With a list, partners run what is on it and nothing else; staff run what they like."""

    def __init__(self, listed: Mapping[str, str] | None = None) -> None:
        self._listed = listed or {}
        self._only = frozenset(self._listed.values()) if listed is not None else None
        self._kept: LRUCache[str, str] = LRUCache(DOCUMENTS_KEPT)

    def found(self, query: str | None, extensions: Mapping[str, object], principal: Principal) -> str | None:
        """The document that a request names or brings; None where it does neither.

        Raises PersistedQueryNotFound for a hash that is not known, DocumentNotAllowed for what is not on the list,
        Refused for a hash of another document.
        """
        document = self._document(query, extensions)
        if document and self._only is not None and not principal.staff and document not in self._only:
            raise DocumentNotAllowed("This key may run only the documents that the operator has listed.")
        return document

    def keep(self, document: str, extensions: Mapping[str, object]) -> None:
        """Keep a document that holds, if its caller sent a hash with it."""
        if digest := _digest(extensions):
            self._kept[digest] = document

    def _document(self, query: str | None, extensions: Mapping[str, object]) -> str | None:
        digest = _digest(extensions)
        if query:
            if digest and hashlib.sha256(query.encode()).hexdigest() != digest:
                raise Refused(400, "`sha256Hash` is not the hash of this `query`.")
            return query
        name = digest or extensions.get("documentId")
        if not isinstance(name, str):
            return None
        document = self._kept.get(name) or self._listed.get(name) or self._listed.get(f"sha256:{name}")
        if document is None:
            # The protocol's word for it, which clients look for.
            raise PersistedQueryNotFound("PersistedQueryNotFound")
        return document


def _digest(extensions: Mapping[str, object]) -> str | None:
    """The hash that a request gives its document."""
    given = extensions.get("persistedQuery")
    if given is None:
        return None
    digest = given.get("sha256Hash") if isinstance(given, dict) and given.get("version") == 1 else None
    if not isinstance(digest, str):
        raise Refused(400, '`persistedQuery` must be {"version": 1, "sha256Hash": "..."}.')
    return digest.lower()
