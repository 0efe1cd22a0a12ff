"""The plugin that `vf-eval sixgym-verifiers` imports; everything is in `sixgym.serve.verifiers`."""

from sixgym.serve.verifiers import NetworkEnv, NetworkHarness, NetworkTaskset

__all__ = ["NetworkEnv", "NetworkHarness", "NetworkTaskset"]
