"""Usage, prices, journal and its ingestion."""
