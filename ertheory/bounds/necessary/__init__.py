"""Widths that every construction needs, and errors that no weights undercut."""
