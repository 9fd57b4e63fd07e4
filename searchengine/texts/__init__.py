"""What is written about pictures, searched beside them."""
