from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_datasets():
    return [
        Component(
            "tints",
            lazy("memobench_plugin_tints.dataset:Tints"),
            "a colour for each emotion, by people who do not exist",
        )
    ]
