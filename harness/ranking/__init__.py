"""Many runs in one table: which models can be told apart, and which places each of them may have."""
