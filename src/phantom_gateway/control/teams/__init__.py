"""Teams: who is in them, what they may use, and what their members may do."""
