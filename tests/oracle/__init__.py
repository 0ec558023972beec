"""The judge: every figure by brute force. Imports nothing of the product, and nothing of the product may import it."""
