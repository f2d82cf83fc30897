# Keeps the record of a practice machine: an SSH server on this computer, brought up after apply.
terraform {
  required_version = ">= 1.5"
}

resource "terraform_data" "machine" {
  input = {
    machine_id           = var.machine_id
    team_id              = var.team_id
    name                 = var.name
    tags                 = var.tags
    directory            = var.directory
    port                 = var.port
    user                 = var.user
    host_key_fingerprint = var.host_key_fingerprint
    profile_digest       = var.profile_digest
  }
}
