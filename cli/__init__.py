"""The command line, installed as `checkpoint_meta.cli`."""
