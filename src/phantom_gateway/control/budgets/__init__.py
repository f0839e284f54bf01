"""Budgets that several entities refer to."""
