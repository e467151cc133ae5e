"""Who may talk to a node, and how it is told."""
