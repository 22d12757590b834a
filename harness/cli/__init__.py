"""The command `harness`: one module for each subcommand, imported when it is used."""

from harness.cli.early import end_quietly

# Before anything else is imported: Ctrl-C meanwhile ends the command without a traceback.
end_quietly()
