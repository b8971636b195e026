"""Runs the real worker for tests: starts it, kills it, freezes it, and looks at what it has written."""
