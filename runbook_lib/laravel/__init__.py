"""What is particular to Laravel applications: artisan's commands and their traps, jobs in queues."""
