"""What is written in picture files and beside them: descriptions, keywords and dates."""
