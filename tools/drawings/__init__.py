"""The drawings of the documents, as SVG: `python -m tools.drawings` writes docs/drawings."""
