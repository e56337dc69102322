"""The connector beside a database: dials out, introspects, and runs what its owner's policy allows."""

__version__ = "0.1.0"
