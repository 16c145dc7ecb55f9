"""Random subset sums by simulation."""
