"""Builders behind the sharp widths: a coded layer 0, a coloured last hidden layer."""
