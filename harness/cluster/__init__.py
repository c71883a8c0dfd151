"""Grading on a Ray cluster: one actor on each node, with a crew and containers of its own."""
