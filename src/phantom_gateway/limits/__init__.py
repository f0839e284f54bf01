"""Windows, leases and the authority behind them."""
