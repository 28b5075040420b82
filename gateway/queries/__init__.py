"""What the doors may look at: read-only views as plain values, in pages.

A view is a function of the state; it copies what it tells, since it is read after the turn that made it.
"""
