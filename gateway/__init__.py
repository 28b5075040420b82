"""Rules: commands and state in, events and effects out. Only router.py waits; nothing reads a clock or rolls dice."""
