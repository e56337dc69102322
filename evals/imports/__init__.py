"""Other people's questions as cases of ours: benchmarks' files and queries that a person has verified.

======== ==================================================================================================
sql-eval a CSV or JSON of ``question, query, db_name, query_category, instructions``; databases as ``.sql``
spider   ``dev.json`` of ``db_id, question, query``; databases as SQLite files or ``.sql``
bird     ``dev.json`` of ``db_id, question, evidence, SQL, difficulty``; databases as SQLite files or ``.sql``
verified JSON of ``question, sql`` as confirmed on a connection; the database is a live one
======== ==================================================================================================

Nothing of them is bundled: several forbid it, and all are larger than what they are needed for.
"""

from evals.imports.sources import Format, Imported, read_source
from evals.imports.written import write_suite

FORMATS: tuple[Format, ...] = ("sql-eval", "spider", "bird", "verified")

__all__ = ["FORMATS", "Format", "Imported", "read_source", "write_suite"]
