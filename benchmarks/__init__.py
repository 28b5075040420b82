"""What Hutong costs, beside the floors of the machine and beside other brokers: `python -m benchmarks`.

The measure is a ratio: rows are compared within one run of one generator on one machine, and an absolute rate stands
only beside the floors of the same minute.
"""
