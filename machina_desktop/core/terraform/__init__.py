"""Running Terraform: engine, command lines, plans and run folders."""
