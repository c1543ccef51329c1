"""Names of what a run folder's checkpoints consist of."""

CHECKPOINTS = "checkpoints"
"""The folder of all checkpoints of a run, `step-N` each."""
MANIFEST = "MANIFEST.json"
WEIGHTS = "weights.safetensors"
