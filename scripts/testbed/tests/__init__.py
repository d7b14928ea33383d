"""Tests of the test bed itself; `python3 -m unittest discover -s scripts -t scripts` runs them."""
