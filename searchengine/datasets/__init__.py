"""Files of captions, those of benchmarks and those of users, and where their images are."""
