"""Encoders, adapters, modulators and decoders as plain PyTorch."""
