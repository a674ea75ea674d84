"""The registry that all tables of the CDR store belong to."""

from sqlalchemy import MetaData

metadata = MetaData()
