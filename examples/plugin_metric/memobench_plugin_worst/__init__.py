from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_metrics():
    return [
        Component(
            "worst_recall",
            lazy("memobench_plugin_worst.metric:WorstRecall"),
            "recall of the option that is recognised worst",
        )
    ]
