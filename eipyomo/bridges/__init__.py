"""To other people's tools, none of which this package needs."""
