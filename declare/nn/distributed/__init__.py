"""Collective operations of the processes that train one model, and layers that use them."""
