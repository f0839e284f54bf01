"""Projects: what a team spends its money on, with limits of their own within the team's."""
