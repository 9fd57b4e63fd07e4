"""Commands about names of pictures: tags from lists and from examples."""
