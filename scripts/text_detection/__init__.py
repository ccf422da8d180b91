"""The demo's text detector: a small Hydra and Lightning project on synthetic images."""
