from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from affectrl.errors import Note
from affectrl.models.cache import FeatureCache

ARRAYS = {"voice": np.arange(6, dtype=np.float16).reshape(2, 3), "face00": np.full((1, 2), -0.5, np.float32)}
NOTES = (Note("audio_cut", "only the first 30 s, “quoted”"), Note("no_face", "x"))


@pytest.fixture
def cache(tmp_path) -> FeatureCache:
    return FeatureCache(tmp_path / "features")


def same(found, arrays=ARRAYS, notes=NOTES) -> bool:
    got, said = found
    return (
        said == notes
        and set(got) == set(arrays)
        and all(np.array_equal(got[n], a) and got[n].dtype == a.dtype for n, a in arrays.items())
    )


def entry_of(cache):
    (file,) = cache.folder.rglob("*.safetensors")
    return file


def test_what_is_put_is_got(cache):
    assert cache.get("k") is None
    cache.put("k", ARRAYS, NOTES)
    assert same(cache.get("k"))
    assert cache.get("another") is None
    assert (cache.counts.hits, cache.counts.misses, cache.counts.repaired) == (1, 2, 0)


def test_an_entry_without_arrays_is_an_entry(cache):
    cache.put("silent", {}, NOTES)
    assert same(cache.get("silent"), {})


def test_the_last_writer_wins(cache):
    cache.put("k", ARRAYS)
    cache.put("k", {"voice": np.zeros(3)})
    arrays, notes = cache.get("k")
    assert list(arrays) == ["voice"]
    assert notes == ()


def test_not_contiguous_arrays_come_back_as_they_looked(cache):
    value = np.arange(12.0).reshape(3, 4).T[::2]
    cache.put("k", {"a": value})
    assert np.array_equal(cache.get("k")[0]["a"], value)


def test_cut_anywhere_it_is_not_there_and_can_be_made_again(cache):
    cache.put("k", ARRAYS, NOTES)
    file = entry_of(cache)
    whole = file.read_bytes()
    for size in range(len(whole)):
        file.write_bytes(whole[:size])
        assert cache.get("k") is None, size
        assert not file.exists()
    assert cache.counts.repaired == len(whole)
    cache.put("k", ARRAYS, NOTES)
    assert same(cache.get("k"))


def test_a_changed_byte_is_noticed_wherever_it_matters(cache):
    cache.put("k", ARRAYS, NOTES)
    file = entry_of(cache)
    whole = file.read_bytes()
    noticed = 0
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        found = cache.get("k")
        noticed += found is None
        if found is not None:  # only words of a note may differ: they carry no features
            assert same((found[0], NOTES))
    assert noticed > len(whole) / 2
    data = sum(a.nbytes for a in ARRAYS.values())
    for at in range(len(whole) - data, len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 128]) + whole[at + 1 :])
        assert cache.get("k") is None


def test_an_entry_of_another_key_is_not_taken_for_ours(cache):
    cache.put("other", ARRAYS)
    file = entry_of(cache)
    place = cache._file("mine")
    place.parent.mkdir(parents=True, exist_ok=True)
    file.rename(place)
    assert cache.get("mine") is None


WORKER = """
import sys
from pathlib import Path
import numpy as np
from affectrl.models.cache import FeatureCache
cache = FeatureCache(Path(sys.argv[1]))
for turn in range(25):
    for k in range(6):
        found = cache.get(f"key{k}")
        if found is not None:
            value = found[0]["a"]
            assert value.shape == (3000,) and (value == value[0]).all() and int(value[0]) % 6 == k, value
        cache.put(f"key{k}", {"a": np.full(3000, 6 * turn + k)})
assert cache.counts.repaired == 0, cache.counts
"""


def test_processes_that_share_a_folder_see_whole_entries_only(cache):
    command = [sys.executable, "-c", WORKER, str(cache.folder)]
    workers = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    errors = [worker.communicate()[1].decode() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], errors
    assert len(list(cache.folder.rglob("*"))) == 6 + len({f.parent for f in cache.folder.rglob("*.safetensors")})
    for k in range(6):
        assert cache.get(f"key{k}") is not None


def test_left_overs_of_a_killed_writer_do_no_harm(cache):
    cache.put("k", ARRAYS, NOTES)
    file = entry_of(cache)
    (file.parent / f".{file.name}.deadbeef.tmp").write_bytes(file.read_bytes()[:20])
    assert same(cache.get("k"))
