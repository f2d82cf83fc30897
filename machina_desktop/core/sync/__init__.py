"""Gateways: how a request reaches the home of its team."""
