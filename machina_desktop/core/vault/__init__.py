"""The only code that turns secrets into ciphertext and back."""
