"""Rules as readable tables: one line a request, ending in what comes of it."""
