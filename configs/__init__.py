"""YAML files that users compose: Hydra callbacks, policies, model families."""
