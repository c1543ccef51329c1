"""The model as one module, with the calls that each set of tasks needs."""
