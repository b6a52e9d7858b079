"""What trained models have learned, and what their data holds."""
