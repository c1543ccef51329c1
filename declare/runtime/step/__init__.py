"""One optimizer step: forward, backward, reduction, clipping, update."""
