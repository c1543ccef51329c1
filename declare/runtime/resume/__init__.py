"""Resuming a run: its state is restored (`resume.py`), its plan compared with the new one (the rest)."""
