"""Components of the kind `balances`."""
