"""The statements that can be checked by simulation, each on one small case."""
