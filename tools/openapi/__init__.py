"""Schemathesis against a living node, by its own OpenAPI document."""
