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
  description = "Zone of the region; empty for the provider's choice."
  type        = string
  default     = ""
}

variable "size" {
  description = "Instance type."
  type        = string
}

variable "image" {
  description = "Id of the AMI."
  type        = string
}

variable "key_ids" {
  description = "Names of key pairs; the first is the one that it is born with."
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
