"""How long tests wait."""

HANG_SECONDS = 90.0
"""A hang limit: what takes longer on the busiest machine has stopped. It is no measure of speed."""
