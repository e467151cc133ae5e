"""What the documentation site has beside the documents of `docs/`.

References are made of what runs: commands and options of Typer's own, calls of the OpenAPI
document and metrics of a node that is started for it, errors of `errors.py`. MkDocs calls
`hooks.py`.
"""
