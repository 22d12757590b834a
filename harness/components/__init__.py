"""Base classes for plugins, one module per kind of component, and the record that registers them."""
