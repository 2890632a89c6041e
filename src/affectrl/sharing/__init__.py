"""Giving a model to others: a folder or a repository of the Hugging Face hub, with a card that says what it is."""
