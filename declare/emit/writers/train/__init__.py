"""Writers of `train.py`."""
