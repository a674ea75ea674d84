"""The steps that a directory has come by, as Alembic runs them."""

HEAD = "0004"
"""The last of them; a test holds this to be so."""
