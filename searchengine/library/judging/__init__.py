"""What a library's own captions, and its owner, say of its encoders and ways to search."""
