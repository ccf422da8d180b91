"""Many checkpoints at once: scanned, filtered, sorted."""
