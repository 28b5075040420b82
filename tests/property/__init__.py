"""Laws: what holds whatever happens, drawn by hypothesis."""
