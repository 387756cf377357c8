"""Data sets: three splits of labelled images, found on this machine or downloaded and verified.

May import: everything up to `statistics`. Begin with `dataset`, the interface; `sources` loads and checks any data set.
"""
