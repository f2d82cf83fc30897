output "provider_resource_id" {
  description = "The provider's id of the machine: here the record's own."
  value       = terraform_data.machine.id
}

output "public_ip" {
  description = "Address to reach it at."
  value       = terraform_data.machine.output.host
}

output "private_ip" {
  description = "Address within its own network: none."
  value       = null
}

output "status" {
  description = "The record exists; whether the machine answers is found out over SSH."
  value       = "recorded"
}
