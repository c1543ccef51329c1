"""How the work of a step is spread over processes: one file each. The step knows them only as `Strategy`."""
