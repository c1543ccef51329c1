"""Components of the kind `balances`: how the losses of several tasks become one gradient."""
