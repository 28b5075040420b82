"""What a journal keeps of what it acknowledged when the power is cut, or the disk fails or lies, in simulation."""
