"""The technical tier of picture judging: measures of the pixels, and what is too broken to be judged at all."""
