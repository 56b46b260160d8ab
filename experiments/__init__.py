"""Experiments: one script for each figure, table or claim; results are stored beside them."""
