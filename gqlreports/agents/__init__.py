"""Tools for AI agents: they ask GraphQL documents of the caller's schema, and answer in few tokens."""
