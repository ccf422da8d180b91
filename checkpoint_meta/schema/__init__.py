"""The sidecar as typed documents; pure: no file, no clock, no environment."""
