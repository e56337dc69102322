"""The bytes between the processes that judge and their parent, apart from what either has to load."""

from __future__ import annotations

import struct

HEADER = struct.Struct(">I")
"""Before each body, to a judge and from it: its length."""

ORDER = struct.Struct(">cI")
"""To the nursery: what to do, and with which judge; numbers are the parent's."""
FORK = b"F"
END = b"E"
