"""Tokenizers of the Hugging Face hub without transformers, whole or as far as a text needs one."""
