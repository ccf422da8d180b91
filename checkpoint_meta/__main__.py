"""`python -m checkpoint_meta` is `ckpt-meta`."""

from __future__ import annotations

from checkpoint_meta.cli.main import run

if __name__ == "__main__":
    run()
