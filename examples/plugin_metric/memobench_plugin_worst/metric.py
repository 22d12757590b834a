import numpy as np

from harness import Metric


class WorstRecall(Metric):
    """Recall of the option that is recognised worst. Unparsed replies count as wrong."""

    kinds = frozenset({"choice"})
    direction = "higher"
    against_baselines = True

    def estimate(self, scores, weights):
        recalls = []
        for code in range(len(scores.options)):
            true = scores.truth == code
            # Sums by cluster first: one product with the weights then serves all resamples.
            hits = np.bincount(scores.cluster, true & (scores.predicted == code), scores.clusters)
            rows = np.bincount(scores.cluster, true, scores.clusters)
            with np.errstate(invalid="ignore", divide="ignore"):
                recalls.append((weights @ hits) / (weights @ rows))
        return np.fmin.reduce(recalls)

    def missing(self, scores):
        return "no option is true"
