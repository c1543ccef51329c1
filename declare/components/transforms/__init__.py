"""Components of the kind `transforms`: changes of fields."""
