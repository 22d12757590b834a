"""What is installed: plugins, their components, and instances of them."""
