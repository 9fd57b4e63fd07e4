"""What filters ask of images, a value a row in files beside the vectors: derived, deletable."""
