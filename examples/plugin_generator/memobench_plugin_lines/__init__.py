from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_generators():
    return [Component("lines", lazy("memobench_plugin_lines.generator:Lines"), "faces of a few lines")]
