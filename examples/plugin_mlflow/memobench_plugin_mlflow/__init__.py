from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_exporters():
    target = "memobench_plugin_mlflow.exporter:MlflowExporter"
    return [
        Component("mlflow", lazy(target), "a run of an MLflow experiment, in a SQLite file or on a server")
    ]
