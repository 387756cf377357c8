"""Search spaces and search algorithms: grids, random samples, Ray Tune's searchers, populations, races.

May import: everything up to `trials`. Begin with `grids` and `distributions`.
"""
