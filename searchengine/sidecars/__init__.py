"""XMP files beside pictures: names are added to what other programs wrote there."""
