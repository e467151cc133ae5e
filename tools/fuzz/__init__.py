"""Fuzzing: every decoder that faces the network, with what must hold of it whatever arrives.

`python -m tools.fuzz --help`; docs/HOSTILE.md has what it found.
"""
