from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_judges():
    return [Component("brightness", lazy("memobench_plugin_brightness.judge:Brightness"), "how light it is")]
