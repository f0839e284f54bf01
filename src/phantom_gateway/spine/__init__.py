"""Messages between gateway workers and control."""
