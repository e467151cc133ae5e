"""The service under load, side by side with redis-server. `python -m bench.service` runs it."""
