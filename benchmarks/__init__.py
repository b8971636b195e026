"""What is said of speed, measured: our figure, the least program that does the same durable work, and the ratio."""
