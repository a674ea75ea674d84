"""Whole results as files."""
