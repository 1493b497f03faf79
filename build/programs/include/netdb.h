struct addrinfo;
