"""Readers of file formats; they know bytes, not metadata fields."""
