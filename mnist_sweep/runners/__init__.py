"""Runners: where trials run, in processes of this machine or on Ray; `trial` is what each of them runs.

May import: everything up to `trackers`. Begin with `protocol`, the interface, then `local`, the simplest one.
"""
