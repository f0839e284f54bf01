"""Key material: keyring, key format, digests."""
