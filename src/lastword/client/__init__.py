"""Speaks to nodes. It needs the library part of the package only, and none of the server's."""
