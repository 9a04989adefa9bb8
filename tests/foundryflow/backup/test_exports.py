"""Whatever is exported is the same byte for byte where it was restored, in a database of either kind."""

import pytest


@pytest.fixture(scope="module")
def exported(new_sqlite, tmp_path_factory):
    """An installation, with its exports by name."""
    installation, folder = new_sqlite(FOUNDRYFLOW_HOSTS="localhost"), tmp_path_factory.mktemp("exports")
    code, told = installation.manage("migrate")
    assert code == 0, told
    installation.run_module("tests.foundryflow.backup.exports", str(folder), "make")
    return installation.back_up(), read(folder)


def read(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("kind", ["new_sqlite", "new_postgresql"])
def test_every_export_is_the_same(kind, exported, request, tmp_path):
    file, before = exported
    assert len(before) > 12
    assert {name.split()[0] for name in before} == {"200"}
    assert not any(b"planted-secret" in content for content in before.values())
    assert b'"zebra"' in before["200 api_runs_1"]
    installation = request.getfixturevalue(kind)(FOUNDRYFLOW_HOSTS="localhost")
    installation.restore(file)
    installation.run_module("tests.foundryflow.backup.exports", str(tmp_path))
    after = read(tmp_path)
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] != before[name]] == []
