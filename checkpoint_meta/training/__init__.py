"""What training knows and nobody else: the Lightning callback and what it is made of."""
