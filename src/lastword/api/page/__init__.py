"""The page of a node: `/_/` shows the cluster as the node sees it, its sets, and what is in them.

It is plain HTML, CSS and modules of JavaScript that lie beside this file: nothing is built, and
nothing comes from elsewhere. It knows a node by documented calls only, and shows what nodes answer
as text, never as markup.
"""
