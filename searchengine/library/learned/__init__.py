"""What a library learns: labels by names, and what its own captions teach searches."""
