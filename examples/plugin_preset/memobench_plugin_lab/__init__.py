from harness import Component, hookimpl

API_VERSION = "1.0"


@hookimpl
def harness_judges():
    server = {"ref": "llava-1.5-7b", "base_url": "http://gpu-1.lab.example:8000/v1", "concurrency": 32}
    return [
        Component("lab-llava", extends="openai", defaults=server, summary="LLaVA on the server of our lab"),
        Component("careless", extends="echo", defaults={"accuracy": 0.6}, summary="wrong in 4 of 10 cases"),
    ]
