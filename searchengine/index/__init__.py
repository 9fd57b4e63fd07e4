"""The approximate index: derived, deletable, planned from numbers. The home of faiss."""
