"""What operators can observe about requests: log lines, metrics and traces."""
