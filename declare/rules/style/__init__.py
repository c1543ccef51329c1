"""Rules of style: what makes a run hard to repeat."""
