"""What modules and heads share: ports, costs, targets of vectors and of readouts."""
