"""Questions to an AWS account before a deployment."""
