"""Places to look: each turns what a reader read into claims about one checkpoint."""
