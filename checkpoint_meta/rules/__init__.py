"""What must hold of a sidecar, each rule with a code."""
