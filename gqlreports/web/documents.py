"""Documents that callers can refer to instead of sending them: earlier documents, and those on the operator's list."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import orjson
from cachetools import LRUCache

from gqlreports.directory.principal import Principal
from gqlreports.errors import DocumentNotAllowed, InvalidInput, PersistedQueryNotFound
from gqlreports.web.errors import Refused

DOCUMENTS_KEPT = 1000
"""How many earlier documents are kept, by their hash."""


def listed_documents(path: Path) -> dict[str, str]:
    """The documents of an operator's list, by their ids.

    The file has the form that client tools write: a JSON object from ids to documents.  Raises InvalidInput for any
    other file.
    """
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise InvalidInput(f"GQLREPORTS_DOCUMENTS: {path} cannot be read: {error}.") from error
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise InvalidInput(f"GQLREPORTS_DOCUMENTS: {path} must be a JSON object, id to document.")
    return found


class Documents:
    """Finds and keeps documents.  If there is a list, partners may run only its documents; staff may run any."""

    def __init__(self, listed: Mapping[str, str] | None = None) -> None:
        self._listed = listed or {}
        self._only = frozenset(self._listed.values()) if listed is not None else None
        self._kept: LRUCache[str, str] = LRUCache(DOCUMENTS_KEPT)

    def found(self, query: str | None, extensions: Mapping[str, object], principal: Principal) -> str | None:
        """The document that a request contains or refers to; None if it does neither.

        Raises PersistedQueryNotFound for an unknown hash or id, DocumentNotAllowed for a document that is not on the
        list, and Refused for a hash that does not match the document.
        """
        document = self._document(query, extensions)
        if document and self._only is not None and not principal.staff and document not in self._only:
            raise DocumentNotAllowed("This key may run only the documents that the operator has listed.")
        return document

    def keep(self, document: str, extensions: Mapping[str, object]) -> None:
        """Keep a valid document if its caller sent a hash with it."""
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
            # Clients look for exactly this message, which the protocol defines.
            raise PersistedQueryNotFound("PersistedQueryNotFound")
        return document


def _digest(extensions: Mapping[str, object]) -> str | None:
    """The hash of the document that a request states, or None."""
    given = extensions.get("persistedQuery")
    if given is None:
        return None
    digest = given.get("sha256Hash") if isinstance(given, dict) and given.get("version") == 1 else None
    if not isinstance(digest, str):
        raise Refused(400, '`persistedQuery` must be {"version": 1, "sha256Hash": "..."}.')
    return digest.lower()
