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

variable "directory" {
  description = "Name of the machine's directory below the practice folder."
  type        = string
}

variable "port" {
  description = "TCP port of its SSH server."
  type        = number

  validation {
    condition     = var.port >= 1 && var.port <= 65535 && floor(var.port) == var.port
    error_message = "The port lies between 1 and 65535."
  }
}

variable "user" {
  description = "Name to log in with."
  type        = string
}

variable "host_key_fingerprint" {
  description = "Host key it was born with, SHA256:…; empty until it is known."
  type        = string
  default     = ""
}

variable "profile_digest" {
  description = "SHA-256 of the bootstrap profile and script applied; empty for none."
  type        = string
  default     = ""
}
