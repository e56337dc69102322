"""The graph's nodes, one file each, in the order a question meets them. Edges are in ``graph.build``."""
