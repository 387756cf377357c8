"""The runner on Ray Tune: cluster, workers, schedulers, retries.

Begin with `tune`, which puts the other modules together.
"""
