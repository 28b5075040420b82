"""Tests: unit/ mirrors the packages, property/ holds laws, end_to_end/ real sockets and processes."""
