"""What a sweep will take before it runs: networks, time, memory and disk.

May import: everything up to `sweep`. Begin with `plan_builder.plan`.
"""
