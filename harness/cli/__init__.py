"""The command `harness`: one module for each subcommand, imported when it is used."""
