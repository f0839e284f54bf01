"""The command `phantom`: one module per subcommand."""
