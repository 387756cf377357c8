"""Data sets: three splits of labelled images, from local files or from verified downloads.

May import: everything up to `statistics`. Begin with `dataset`, the interface; `loading` loads and checks any data set.
"""
