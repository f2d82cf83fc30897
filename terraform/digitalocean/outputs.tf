output "provider_resource_id" {
  description = "The provider's id of the droplet."
  value       = digitalocean_droplet.machine.id
}

output "public_ip" {
  description = "Address to reach it at."
  value       = digitalocean_droplet.machine.ipv4_address == "" ? null : digitalocean_droplet.machine.ipv4_address
}

output "private_ip" {
  description = "Address within its own network."
  value       = digitalocean_droplet.machine.ipv4_address_private == "" ? null : digitalocean_droplet.machine.ipv4_address_private
}

output "status" {
  description = "What the provider calls its status."
  value       = digitalocean_droplet.machine.status
}
