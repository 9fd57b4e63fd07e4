"""What filters ask of images, row by row, and whether it changed: what columns are made from."""
