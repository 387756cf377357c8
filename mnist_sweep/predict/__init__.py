"""Classification of the user's own images by a kept model.

May import: everything up to `analysis`. Begin with `classify`.
"""
