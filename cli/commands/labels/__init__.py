"""Commands about words for pictures: tags from lists, and what captions teach."""
