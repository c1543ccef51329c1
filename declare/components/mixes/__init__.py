"""Components of the kind `mixes`: how many samples of a batch come from each dataset."""
