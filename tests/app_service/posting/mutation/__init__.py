"""Break the posting function in many ways and see that each is noticed."""
