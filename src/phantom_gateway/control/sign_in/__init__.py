"""People sign in: passwords, sessions, cookies, and what keeps strangers from trying for long."""
