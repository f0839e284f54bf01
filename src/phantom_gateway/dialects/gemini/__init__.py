"""Google's Gemini API (``generateContent``): read into the neutral form and written from it."""
