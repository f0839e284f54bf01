"""Internal users: fields, rows, views, and what can be done with them."""
