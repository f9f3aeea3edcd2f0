"""Fine-tuning data on a laptop, without AWS."""
