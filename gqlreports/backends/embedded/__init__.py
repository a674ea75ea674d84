"""The embedded store: chDB on its own directory."""
