"""Specialises code of this program for what a plan fixes: constants, arguments that are never passed, dead branches.

A *unit* is a function or a method. What is known of its parameters is what all its callers agree on; the units
that it calls get theirs from its specialised body, until nothing changes.
"""
