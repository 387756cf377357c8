"""The user's own code in trials: what of it a trial reaches, its digest, and its way to the workers.

It imports from `text`, `data` and `trials`. Begin with `reachable_code`.
"""
