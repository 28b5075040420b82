"""The world: sockets, disks, clocks, brokers and command lines around the gateway."""
