"""Clients that mean no good, against real nodes: slow ones, floods, endless pipelines."""
