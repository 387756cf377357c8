"""Data sets in the user's own files: folders of images, arrays, IDX files and tables.

May import: everything up to `statistics`, and modules of `data`. Begin with `own_files`, what they have in common.
"""
