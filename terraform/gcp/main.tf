# One instance in the default network, with firewall rules of its own. Credentials come from GOOGLE_CREDENTIALS, the
# project from GOOGLE_PROJECT, an endpoint from GOOGLE_COMPUTE_CUSTOM_ENDPOINT.
terraform {
  required_version = ">= 1.5"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }
}

provider "google" {
  region = var.region
  zone   = var.zone
}

locals {
  # A tag such as env:prod is a label env with the value prod. A label holds at most 63 small letters, digits, hyphens
  # and underscores, and its name begins with a letter.
  given = {
    for tag in var.tags :
    replace(substr(replace(lower(split(":", tag)[0]), "/[^a-z0-9_-]/", "-"), 0, 63), "/^[^a-z]+/", "") =>
    substr(replace(lower(join("-", slice(split(":", tag), 1, length(split(":", tag))))), "/[^a-z0-9_-]/", "-"), 0, 63)...
  }
  labels = merge(
    { for key, values in local.given : key => values[0] if key != "" },
    { "machina-machine" = lower(var.machine_id), "machina-team" = lower(var.team_id) },
  )

  # What firewall rules aim at, and what they are called.
  mark = trimsuffix(substr("machina-${lower(var.machine_id)}", 0, 50), "-")

  # A rule has one direction and ranges of one family only.
  allowed = {
    for rule in flatten([
      for index, rule in coalesce(var.rules, []) : [
        for family in ["4", "6"] : {
          name      = "${local.mark}-${index}-v${family}"
          direction = rule.direction == "inbound" ? "INGRESS" : "EGRESS"
          protocol  = rule.protocol == "icmp" && family == "6" ? "58" : rule.protocol
          ports     = rule.protocol == "icmp" || rule.ports == "all" ? [] : [rule.ports]
          ranges    = [for source in rule.sources : source if strcontains(source, ":") == (family == "6")]
        }
      ]
    ]) : rule.name => rule if length(rule.ranges) > 0
  }
  # The default network lets SSH in to every machine; whoever gives rules means these and no others.
  closed = var.rules == null ? {} : merge(
    { "in" = "INGRESS" },
    anytrue([for rule in coalesce(var.rules, []) : rule.direction == "outbound"]) ? { "out" = "EGRESS" } : {},
  )
}

resource "google_compute_instance" "machine" {
  name         = var.name
  zone         = var.zone
  machine_type = var.size
  tags         = [local.mark]
  labels       = local.labels
  metadata = merge(
    {
      "ssh-keys" = join("\n", [for key in var.public_keys : "${var.user}:${key}"])
      # Google's agent on it tells its host keys there; images with cloud-init print them on the console.
      "enable-guest-attributes" = "TRUE"
    },
    var.user_data == "" ? {} : { "user-data" = var.user_data },
  )
  # A size can change only while the machine is off.
  allow_stopping_for_update = true

  boot_disk {
    initialize_params {
      image  = var.image
      labels = local.labels
    }
  }

  network_interface {
    network = "default"
    access_config {}
  }

  lifecycle {
    # They only count at birth. Keys change on the machine itself; one that was taken over keeps its name, and stays in
    # its network, behind the rules there that aim at its tags. What is not asked for above stays as somebody has it who
    # made the machine by hand: without its description it would be made anew, without its service account stopped.
    ignore_changes = [
      advanced_machine_features, attached_disk, boot_disk, can_ip_forward, confidential_instance_config,
      deletion_protection, description, enable_display, guest_accelerator, hostname, metadata, metadata_startup_script,
      min_cpu_platform, name, network_interface, network_performance_config, reservation_affinity, resource_policies,
      scheduling, scratch_disk, service_account, shielded_instance_config, tags
    ]
  }
}

resource "google_compute_firewall" "allowed" {
  for_each           = local.allowed
  name               = each.key
  network            = "default"
  direction          = each.value.direction
  priority           = 1000
  target_tags        = [local.mark]
  source_ranges      = each.value.direction == "INGRESS" ? each.value.ranges : null
  destination_ranges = each.value.direction == "EGRESS" ? each.value.ranges : null

  allow {
    protocol = each.value.protocol
    ports    = each.value.ports
  }
}

resource "google_compute_firewall" "closed" {
  for_each           = local.closed
  name               = "${local.mark}-closed-${each.key}"
  network            = "default"
  direction          = each.value
  priority           = 65000
  target_tags        = [local.mark]
  source_ranges      = each.value == "INGRESS" ? ["0.0.0.0/0"] : null
  destination_ranges = each.value == "EGRESS" ? ["0.0.0.0/0"] : null

  deny {
    protocol = "all"
  }
}
