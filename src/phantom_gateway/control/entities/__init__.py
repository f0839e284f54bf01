"""What keys, users, teams and all others that may use something have in common: fields, limits, views, and their chain."""
