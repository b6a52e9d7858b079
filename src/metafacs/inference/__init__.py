"""From a trained model and pictures to tables and annotated pictures."""
