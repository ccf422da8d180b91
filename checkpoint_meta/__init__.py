"""Every PyTorch Lightning checkpoint explains itself."""
