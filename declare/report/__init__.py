"""What a plan or a run looks like: tables, curves, architecture, throughput; terminal, JSON, HTML."""
