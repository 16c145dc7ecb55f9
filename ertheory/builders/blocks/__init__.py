"""Builders that copy target neurons in blocks, and what all builders share: links, edges, pruning."""
