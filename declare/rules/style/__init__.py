"""Rules of taste: what makes a run hard to repeat."""
