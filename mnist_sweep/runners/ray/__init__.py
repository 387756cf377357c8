"""The runner on Ray Tune: connection to a cluster, experiments, workers, schedulers.

Begin with `tune`, which puts the other modules together; `callback` says when a trial runs again.
"""
