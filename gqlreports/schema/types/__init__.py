"""The GraphQL types of a report, made from its declaration."""
