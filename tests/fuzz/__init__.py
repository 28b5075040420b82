"""Every decoder that takes bytes from outside, under inputs that coverage leads: crash, hang and growth are failures.

`python -m tests.fuzz NAME SECONDS` fuzzes one decoder from its corpus; `--keep` writes what it finds back, the least of
it that reaches as much. What has ever failed stays in the corpus by a name that says what it was.
"""
