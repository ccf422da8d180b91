"""The Lightning callback; the only package that meets torch and lightning."""
