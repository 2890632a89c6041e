"""affectrl: train, adapt, evaluate, explain and serve multimodal emotion models with reinforcement learning."""
