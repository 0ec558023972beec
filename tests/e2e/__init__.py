"""Black-box tests: the real server as a process of its own, asked over HTTP; nothing of the product is imported."""
