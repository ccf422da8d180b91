"""Findings as other tools want to read them."""
