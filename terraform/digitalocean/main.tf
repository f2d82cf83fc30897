# One droplet with a firewall of its own. Token and endpoint come from DIGITALOCEAN_TOKEN and DIGITALOCEAN_API_URL.
terraform {
  required_version = ">= 1.5"
  required_providers {
    digitalocean = {
      source  = "digitalocean/digitalocean"
      version = "~> 2.71"
    }
  }
}

locals {
  # Letters, digits, colons, hyphens and underscores are all that a tag may hold.
  tags  = [for tag in var.tags : replace(tag, "/[^A-Za-z0-9:_-]/", "-")]
  marks = ["machina-machine-${var.machine_id}", "machina-team-${var.team_id}"]

  inbound  = [for rule in coalesce(var.rules, []) : rule if rule.direction == "inbound"]
  outbound = [for rule in coalesce(var.rules, []) : rule if rule.direction == "outbound"]
  # Without any outbound rule the provider lets nothing out; a profile without one means that everything may go out.
  anywhere = [for protocol in ["tcp", "udp", "icmp"] : { protocol = protocol, ports = "all", sources = ["0.0.0.0/0", "::/0"] }]
}

resource "digitalocean_droplet" "machine" {
  name        = var.name
  region      = var.region
  size        = var.size
  image       = var.image
  ssh_keys    = var.key_ids
  user_data   = var.user_data == "" ? null : var.user_data
  tags        = distinct(concat(local.marks, local.tags))
  ipv6        = true
  resize_disk = var.grow_disk

  lifecycle {
    # They only count at birth. A rebuild puts another image on it, and keys change on the machine itself. What is not
    # asked for above stays as somebody has it who made the droplet by hand: without its monitoring it would be made anew.
    ignore_changes = [backup_policy, backups, droplet_agent, image, ipv6, monitoring, ssh_keys, user_data]
  }
}

resource "digitalocean_firewall" "machine" {
  count       = var.rules == null ? 0 : 1
  name        = "machina-${var.machine_id}"
  droplet_ids = [digitalocean_droplet.machine.id]

  dynamic "inbound_rule" {
    for_each = local.inbound
    content {
      protocol         = inbound_rule.value.protocol
      port_range       = inbound_rule.value.protocol == "icmp" ? null : inbound_rule.value.ports
      source_addresses = inbound_rule.value.sources
    }
  }

  dynamic "outbound_rule" {
    for_each = coalescelist(local.outbound, local.anywhere)
    content {
      protocol              = outbound_rule.value.protocol
      port_range            = outbound_rule.value.protocol == "icmp" ? null : outbound_rule.value.ports
      destination_addresses = outbound_rule.value.sources
    }
  }
}
