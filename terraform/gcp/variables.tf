variable "machine_id" {
  description = "Machina's id of the machine."
  type        = string
}

variable "team_id" {
  description = "Machina's id of the team."
  type        = string
}

variable "name" {
  description = "Name of the machine, an RFC 1123 label."
  type        = string
}

variable "tags" {
  description = "Tags of the machine."
  type        = list(string)
  default     = []
}

variable "region" {
  description = "Name of the region."
  type        = string
}

variable "zone" {
  description = "Name of the zone."
  type        = string
}

variable "size" {
  description = "Machine type."
  type        = string
}

variable "image" {
  description = "Path of the image, such as debian-cloud/debian-12."
  type        = string
}

variable "public_keys" {
  description = "Public halves of the SSH keys that it is born with."
  type        = list(string)
  default     = []
}

variable "user" {
  description = "Name that the keys let in."
  type        = string
  default     = "machina"
}

variable "rules" {
  description = "What its firewall lets through; null for no firewall."
  type        = list(object({ direction = string, protocol = string, ports = string, sources = list(string) }))
  default     = null

  validation {
    condition = alltrue([
      for rule in coalesce(var.rules, []) : contains(["inbound", "outbound"], rule.direction)
      && contains(["tcp", "udp", "icmp"], rule.protocol) && can(regex("^(all|[0-9]+(-[0-9]+)?)$", rule.ports))
      && length(rule.sources) > 0 && alltrue([for source in rule.sources : can(cidrhost(source, 0))])
    ])
    error_message = "A rule has a direction, a protocol, ports such as 80, 8000-8100 or all, and CIDR ranges."
  }
}

variable "user_data" {
  description = "What runs at its first boot; empty for nothing. It may hold no secret that lasts."
  type        = string
  default     = ""
}
