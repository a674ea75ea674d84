"""Measures the project against the bare engine and against ordinary ways to do the same."""
