"""The store: what a node holds, in SQLite or in memory, behind one Protocol."""
