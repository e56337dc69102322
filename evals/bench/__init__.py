"""Speed, as ratios: each figure has its baseline in the same run, on the same machine, a moment apart.

Milliseconds of a shared machine say little; what a thing costs beside the least that it could cost says more.
Nothing here is a test: a figure is reported, never asserted.
"""
