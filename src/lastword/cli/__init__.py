"""The command: it reads options and puts a node, or a tool, together."""
