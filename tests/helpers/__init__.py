"""What tests share: data folders, plugins, and ways to run the command."""
