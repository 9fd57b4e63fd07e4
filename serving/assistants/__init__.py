"""What assistants ask over the Model Context Protocol: answers of the library, nothing written."""
