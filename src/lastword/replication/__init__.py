"""The protocol: pure functions and state machines, without I/O, clock or randomness.

`replica` is the node as the protocol sees it, `port` what it needs of a store. The service and
the simulation drive the same code.
"""
