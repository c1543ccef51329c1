"""What is predicted: how targets come from batches and predictions from outputs."""
