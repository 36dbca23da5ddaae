"""One room per client library."""
