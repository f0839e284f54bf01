"""Holds the ledger against the simulator's own books, after a load in which everything goes wrong."""
