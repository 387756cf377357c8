"""The live page of a results folder, served to browsers by a process that only reads the folder.

Begin with `server`, which answers requests; `feed` follows the folder, and `live_state` is what the page shows.
"""
