"""Rules: commands and state in, events and effects out. Waits for nothing but in router.py; reads no clock, rolls no dice."""
