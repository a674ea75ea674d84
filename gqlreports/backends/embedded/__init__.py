"""The embedded store: chDB on a directory of its own."""
