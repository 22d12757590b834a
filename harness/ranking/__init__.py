"""Many runs in one table: which models can be told apart, and which ranks each of them may have."""
