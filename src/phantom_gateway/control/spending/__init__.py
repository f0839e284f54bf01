"""What was spent: dashboards, reports, the log and its corrections, all from one query layer (`store.rollups`)."""
