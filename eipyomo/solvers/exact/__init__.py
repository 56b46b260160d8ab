"""The exact method: certified global optima."""
