"""What clients and other nodes speak to: REST, the peer endpoint, and the HTTP transport."""
