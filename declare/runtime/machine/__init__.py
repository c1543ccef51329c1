"""The machine under a run: device, number formats, memory, torch.compile."""
