"""Deploying a machine in nine steps (spec 4.1)."""

from machina_desktop.views.deploy_wizard.wizard import DeployWizard

__all__ = ["DeployWizard"]
