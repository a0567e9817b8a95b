"""Where a function is put together: the only modules that name both use cases and adapters, one for each function.

A function's imports here are the honest list of what it needs, and of what its start costs.
"""
