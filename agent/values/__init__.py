"""The values of text columns, indexed beside the database so that words of a question can meet them.

================  =======================================================================
module            is
================  =======================================================================
``phrases``       what is looked for in a question, and how alike two texts are
``index``         values of columns, in this process's memory; no I/O
``gathering``     reads them, through the sandbox and under its policy
``keeper``        builds, renews and forgets the index, and answers ``lookup``
================  =======================================================================

Nothing of it is written to disk, and what leaves is what ``keeper`` says the owner's policy shares.
"""
