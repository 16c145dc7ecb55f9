"""Masks on modules, their invariant, and what of a network they leave alive."""
