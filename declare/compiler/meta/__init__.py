"""Modules run on torch's meta device: shapes, costs, padding."""
