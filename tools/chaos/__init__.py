"""Real faults on real nodes: processes killed and stopped, networks cut, connections torn.

`python -m tools.chaos` plays for minutes and writes a log; docs/CHAOS.md says what is done to the
nodes and what must hold. `tests/chaos` has each kind of fault once.
"""
