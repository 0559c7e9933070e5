"""The SMTP door, tried over real sockets with a desk that only writes down what it is asked."""
