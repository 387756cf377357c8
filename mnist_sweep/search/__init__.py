"""Spaces of trials, and algorithms that propose trials from them: grids, samples, Tune's searchers, PBT.

May import: everything up to `trials`. Begin with `space`.
"""
