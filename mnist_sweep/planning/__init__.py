"""What a sweep will cost before it runs: networks, time, memory and disk.

May import: everything up to `runners`. Begin with `forecast`.
"""
