"""Every decoder that takes bytes from outside, under inputs that coverage leads: crash, hang and growth are failures.

`python -m tests.fuzz NAME SECONDS` fuzzes one decoder from its corpus; what it finds lies in build/fuzz/NAME. An input
that has failed is kept in corpus/NAME, by a name that says what it was.
"""
