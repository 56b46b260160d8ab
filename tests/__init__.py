"""Tests: each says in one line what it proves, and where its numbers come from."""
