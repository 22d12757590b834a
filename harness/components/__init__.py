"""What plugins extend: one module for each kind of component, and the record that registers it."""
