"""The cache of answers, as the admin API shows and empties it."""
