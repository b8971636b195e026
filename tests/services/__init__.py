"""Real services for the tests, each on free ports of 127.0.0.1 and gone when the tests are gone."""
