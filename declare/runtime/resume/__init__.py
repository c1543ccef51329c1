"""Resuming a run: what may differ between its plan and the new one."""
