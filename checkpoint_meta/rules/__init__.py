"""What must hold of a sidecar and its checkpoint, as rules with codes."""
