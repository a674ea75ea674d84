"""The GraphQL types of a report, generated from its declaration."""
