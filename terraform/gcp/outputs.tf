output "provider_resource_id" {
  description = "The instance as it is called beyond its zone: projects/…/zones/…/instances/…."
  value       = google_compute_instance.machine.id
}

output "public_ip" {
  description = "Address to reach it at."
  value       = one(google_compute_instance.machine.network_interface[0].access_config[*].nat_ip)
}

output "private_ip" {
  description = "Address within its own network."
  value       = google_compute_instance.machine.network_interface[0].network_ip == "" ? null : google_compute_instance.machine.network_interface[0].network_ip
}

output "status" {
  description = "What the provider calls its status."
  value       = google_compute_instance.machine.current_status
}
