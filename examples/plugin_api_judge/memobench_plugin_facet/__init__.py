from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_judges():
    return [Component("facet", lazy("memobench_plugin_facet.judge:Facet"), "a model of Facet: facet:MODEL")]
