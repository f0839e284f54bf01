"""Tags: labels of requests that have limits or models of their own."""
