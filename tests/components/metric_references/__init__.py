"""What every metric should say, written with numpy, scipy and scikit-learn alone: one file for each group.

A group has `cases()`, name -> (prediction, target) as a task's adapter hands them over, and `REFERENCES`, metric ->
function (block, prediction, target) -> figure, NaN where the samples define none. Arrays are of double precision.
"""
