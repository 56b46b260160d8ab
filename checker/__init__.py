"""A second checker of certificates, which needs nothing but Python: see check_certificate."""
