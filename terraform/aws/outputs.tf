output "provider_resource_id" {
  description = "The provider's id of the instance."
  value       = aws_instance.machine.id
}

output "public_ip" {
  description = "Address to reach it at."
  value       = aws_instance.machine.public_ip == "" ? null : aws_instance.machine.public_ip
}

output "private_ip" {
  description = "Address within its own network."
  value       = aws_instance.machine.private_ip == "" ? null : aws_instance.machine.private_ip
}

output "status" {
  description = "What the provider calls its status."
  value       = aws_instance.machine.instance_state
}
