"""The figures of evaluation measured: coverage of the intervals, the corrected mean, speed."""
