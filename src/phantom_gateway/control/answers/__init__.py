"""What routes answer, for their description. Nothing is filtered through these; tests hold answers against them."""
