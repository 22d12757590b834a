"""Everything that memobench relies on, and what happens when two processes draw at once."""

import pytest
from memobench_plugin_tints.dataset import Tints

from harness.testing import DataSetContract, PluginContract


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


class TestDataSet(DataSetContract):
    @pytest.fixture
    def dataset(self):
        return Tints()


class TestPlugin(PluginContract):
    dist = "memobench-plugin-tints"


def test_a_set_that_is_half_drawn_is_never_seen(monkeypatch):
    def killed(self, folder):
        (folder / "0-happy.png").touch()
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(Tints, "draw", killed)
        with pytest.raises(KeyboardInterrupt):
            Tints().prepare()
    assert (Tints().prepare() / "manifest.csv").is_file()
    assert len(list(Tints(Tints.Options(people=2)).prepare().glob("*.png"))) == 12
