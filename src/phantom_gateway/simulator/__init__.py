"""A provider to try, test and load the gateway with."""
