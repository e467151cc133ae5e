"""The LWW-Element-Set and its clock, as a library without I/O."""
