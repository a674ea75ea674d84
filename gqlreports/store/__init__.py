"""The content of the CDR store, and the loaders that fill it from files."""
