"""What an operator sees of the requests: log lines, metrics and traces."""
