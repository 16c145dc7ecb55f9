"""Copies in blocks: Theorems 2.1 and 2.2 as printed, by their exact law, and with the best split of the failure."""
