from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_reporters():
    return [
        Component(
            "tex", lazy("memobench_plugin_tex.reporter:TexReporter"), "rows of a LaTeX table with intervals"
        )
    ]
