# One server with a firewall of its own. Token and endpoint come from HCLOUD_TOKEN and HCLOUD_ENDPOINT.
terraform {
  required_version = ">= 1.5"
  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = "~> 1.52"
    }
  }
}

locals {
  # A tag such as env:prod is a label env with the value prod. A label holds at most 63 letters, digits, dots, hyphens
  # and underscores, and begins and ends with a letter or digit.
  tags = {
    for tag in var.tags : trim(substr(replace(split(":", tag)[0], "/[^A-Za-z0-9._-]/", "-"), 0, 63), "._-") =>
    trim(substr(replace(join("-", slice(split(":", tag), 1, length(split(":", tag)))), "/[^A-Za-z0-9._-]/", "-"), 0, 63), "._-")...
  }
  labels = merge(
    { for key, values in local.tags : key => values[0] if key != "" },
    { "machina-machine" = var.machine_id, "machina-team" = var.team_id },
  )
}

resource "hcloud_server" "machine" {
  name         = var.name
  location     = var.region
  server_type  = var.size
  image        = var.image
  ssh_keys     = var.key_ids
  user_data    = var.user_data == "" ? null : var.user_data
  labels       = local.labels
  keep_disk    = !var.grow_disk
  firewall_ids = var.keep_firewall ? null : hcloud_firewall.machine[*].id

  public_net {
    ipv4_enabled = true
    ipv6_enabled = true
  }

  lifecycle {
    # They only count at birth. A rebuild puts another image on it, and keys change on the machine itself. What is not
    # asked for above stays as somebody has it who made the server by hand.
    ignore_changes = [
      backups, delete_protection, image, iso, network, placement_group_id, public_net, rebuild_protection, rescue, ssh_keys,
      user_data
    ]
  }
}

resource "hcloud_firewall" "machine" {
  count  = var.rules == null ? 0 : 1
  name   = "machina-${var.machine_id}"
  labels = { "machina-machine" = var.machine_id, "machina-team" = var.team_id }

  dynamic "rule" {
    for_each = coalesce(var.rules, [])
    content {
      direction       = rule.value.direction == "inbound" ? "in" : "out"
      protocol        = rule.value.protocol
      port            = rule.value.protocol == "icmp" ? null : rule.value.ports == "all" ? "any" : rule.value.ports
      source_ips      = rule.value.direction == "inbound" ? rule.value.sources : []
      destination_ips = rule.value.direction == "outbound" ? rule.value.sources : []
    }
  }

  lifecycle {
    # Taken away, it goes after the server has let go of it: one that is in use cannot be deleted.
    create_before_destroy = true
  }
}
