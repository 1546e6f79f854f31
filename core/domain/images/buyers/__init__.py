"""What buyers did with pictures: exposures from the search log, how much a place is looked at, and agreement."""
