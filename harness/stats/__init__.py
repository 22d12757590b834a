"""Statistics on plain arrays: resampling by cluster, correlations, fits and comparisons."""
