"""AWS IoT Core beyond publishing: device shadow, jobs, provisioning."""
