"""Machina Desktop: provision and look after servers through Terraform."""

__version__ = "0.1.0"
