"""Findings as text, for people and for the programs that they use."""
