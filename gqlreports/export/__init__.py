"""Exports: the whole result of a report as a file."""
