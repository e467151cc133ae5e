"""Checks of what is in deploy/, by the tools that know each format, and by doing what it says.

No container engine and no systemd takes part: what they would do is done by hand, as far as that
goes, and what is left out is said.
"""
