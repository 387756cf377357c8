"""The runner on Ray Tune: connection to a cluster, experiments, workers, schedulers, retries.

Begin with `tune`, which puts the other modules together; `retries` says when a trial runs again.
"""
