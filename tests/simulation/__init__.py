"""The gateway in one thread, all around it simulated: time, disk, links, broker, receivers. See README.md."""
