"""The construction that leaves bad copies out."""
