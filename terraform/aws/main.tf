# One instance in the default network, with a security group of its own. Credentials come from AWS_ACCESS_KEY_ID,
# AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, endpoints from AWS_ENDPOINT_URL_EC2 and AWS_ENDPOINT_URL_STS.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }
}

provider "aws" {
  region = var.region
}

locals {
  # A tag such as env:prod is a tag env with the value prod.
  given = {
    for tag in var.tags : replace(split(":", tag)[0], "/[^\\p{L}\\p{N} +=._/@-]/", "-") =>
    replace(join(":", slice(split(":", tag), 1, length(split(":", tag)))), "/[^\\p{L}\\p{N} +=._:/@-]/", "-")...
  }
  tags = merge(
    { for key, values in local.given : key => values[0] if key != "" && !startswith(lower(key), "aws") },
    { "Name" = var.name, "machina-machine" = var.machine_id, "machina-team" = var.team_id },
  )

  # A network without rules lets nobody in here: a machine without a firewall profile can be reached by SSH.
  rules = coalesce(var.rules, [
    { direction = "inbound", protocol = "tcp", ports = "22", sources = ["0.0.0.0/0", "::/0"] },
    { direction = "inbound", protocol = "icmp", ports = "all", sources = ["0.0.0.0/0", "::/0"] },
  ])
  # ICMP of IPv6 is a protocol of its own.
  split = flatten([
    for rule in local.rules : [
      for protocol in rule.protocol == "icmp" ? ["icmp", "icmpv6"] : [rule.protocol] : {
        direction = rule.direction
        protocol  = protocol
        # ICMP has no ports: -1 is every kind of message.
        from = rule.protocol == "icmp" ? -1 : rule.ports == "all" ? 0 : tonumber(split("-", rule.ports)[0])
        to   = rule.protocol == "icmp" ? -1 : rule.ports == "all" ? 65535 : tonumber(reverse(split("-", rule.ports))[0])
        ipv4 = [for source in rule.sources : source if !strcontains(source, ":") && protocol != "icmpv6"]
        ipv6 = [for source in rule.sources : source if strcontains(source, ":") && protocol != "icmp"]
      }
    ]
  ])
  sorted   = [for rule in local.split : rule if length(rule.ipv4) + length(rule.ipv6) > 0]
  inbound  = [for rule in local.sorted : rule if rule.direction == "inbound"]
  outbound = [for rule in local.sorted : rule if rule.direction == "outbound"]
  anywhere = [{ direction = "outbound", protocol = "-1", from = 0, to = 0, ipv4 = ["0.0.0.0/0"], ipv6 = ["::/0"] }]
}

resource "aws_instance" "machine" {
  instance_type          = var.size
  ami                    = var.image
  availability_zone      = var.zone == "" ? null : var.zone
  key_name               = one(slice(var.key_ids, 0, min(1, length(var.key_ids))))
  user_data              = var.user_data == "" ? null : var.user_data
  vpc_security_group_ids = var.keep_firewall ? null : aws_security_group.machine[*].id
  tags                   = local.tags

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }

  root_block_device {
    encrypted = true
    tags      = local.tags
  }

  lifecycle {
    # They only count at birth. Which zone it got is the provider's choice where none is given. What is not asked for
    # above stays as somebody has it who made the instance by hand.
    ignore_changes = [
      ami, availability_zone, credit_specification, ebs_block_device, hibernation, iam_instance_profile, key_name,
      launch_template, metadata_options, monitoring, root_block_device, source_dest_check, user_data, user_data_base64
    ]
  }
}

resource "aws_security_group" "machine" {
  count       = var.keep_firewall ? 0 : 1
  name        = "machina-${var.machine_id}"
  description = "Firewall of ${var.machine_id}, kept by Machina"
  tags        = local.tags

  dynamic "ingress" {
    for_each = local.inbound
    content {
      protocol         = ingress.value.protocol
      from_port        = ingress.value.from
      to_port          = ingress.value.to
      cidr_blocks      = ingress.value.ipv4
      ipv6_cidr_blocks = ingress.value.ipv6
    }
  }

  dynamic "egress" {
    for_each = coalescelist(local.outbound, local.anywhere)
    content {
      protocol         = egress.value.protocol
      from_port        = egress.value.from
      to_port          = egress.value.to
      cidr_blocks      = egress.value.ipv4
      ipv6_cidr_blocks = egress.value.ipv6
    }
  }

  lifecycle {
    # Taken away, it goes after the instance has let go of it: one that is in use cannot be deleted.
    create_before_destroy = true
    ignore_changes        = [description]
  }
}
