"""The commands that ask a running gateway: its admin API as tables."""
