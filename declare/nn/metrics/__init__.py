"""Metrics as plain accumulators of sums, with formulas over them."""
