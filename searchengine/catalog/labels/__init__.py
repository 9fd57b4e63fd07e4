"""Label sets of a library, the labels that images have by them, and examples that people gave."""
