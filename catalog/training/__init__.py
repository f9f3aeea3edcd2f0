"""Fine-tuning as JumpStart documents it: recipes, methods, hyperparameters and the CreateTrainingJob request."""
