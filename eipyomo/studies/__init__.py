"""What stands above all methods: comparisons, sweeps, and processes of many rounds."""
