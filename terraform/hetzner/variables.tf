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
  description = "Name of the location."
  type        = string
}

variable "size" {
  description = "Name of the server type."
  type        = string
}

variable "image" {
  description = "Name or id of the image."
  type        = string
}

variable "key_ids" {
  description = "The provider's ids of the SSH keys that it is born with."
  type        = list(string)
  default     = []
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

variable "keep_firewall" {
  description = "Whether it stays behind the firewalls that it has, as one that was taken over does until it gets rules."
  type        = bool
  default     = false
}

variable "user_data" {
  description = "What runs at its first boot; empty for nothing. It may hold no secret that lasts."
  type        = string
  default     = ""
}

variable "grow_disk" {
  description = "Whether its disk grows with its size, after which it cannot shrink again."
  type        = bool
  default     = false
}
