"""The presets exist, fit what they extend, and can be changed."""

from harness import Specification, make_component
from harness.testing import PluginContract


class TestPlugin(PluginContract):
    dist = "memobench-plugin-lab"


def made(name, **options):
    return make_component(Specification("judge", f"memobench-plugin-lab/{name}", options))


def test_defaults_are_those_of_the_lab():
    options = made("lab-llava").options
    assert (options.ref, options.concurrency) == ("llava-1.5-7b", 32)
    assert "gpu-1.lab.example" in str(options.base_url)


def test_the_user_has_the_last_word():
    assert made("careless").options.accuracy == 0.6
    assert made("careless", accuracy=0.9).options.accuracy == 0.9
