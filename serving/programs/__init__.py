"""What only programs ask, several questions at once and vectors, and the page to try the API on."""
