"""What a library's own captions make better in its searches, tried, and kept where it holds."""
