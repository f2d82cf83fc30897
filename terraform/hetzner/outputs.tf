output "provider_resource_id" {
  description = "The provider's id of the server."
  value       = hcloud_server.machine.id
}

output "public_ip" {
  description = "Address to reach it at."
  value       = hcloud_server.machine.ipv4_address == "" ? null : hcloud_server.machine.ipv4_address
}

output "private_ip" {
  description = "Address within its own network: none."
  value       = null
}

output "status" {
  description = "What the provider calls its status."
  value       = hcloud_server.machine.status
}
