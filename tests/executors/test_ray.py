"""Jobs of Ray: a cluster of this machine, where Ray is installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from metafacs.executors.ray import RayExecutor, RayOptions


def test_without_ray_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r"pip install 'metafacs\[ray\]'"):
        list(RayExecutor().run(str, [1]))
    assert list(RayExecutor().run(str, [])) == []


def test_results_come_back_and_a_lost_process_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'metafacs[ray]'")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # beside other work niced processes would wait for minutes
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ray_jobs.py").write_text(
        "import os, signal, time\n"
        "from pathlib import Path\n"
        "def twice(job):\n"
        "    with open(f'begun-{job}', 'a') as file:\n"
        "        file.write('x')\n"
        "    if job == 3 or job == 5 and os.path.getsize('begun-5') == 1:\n"
        "        os._exit(7)\n"
        "    if job == 'error':\n"
        "        raise OSError('no disk')\n"
        "    return job * 2\n"
        "def saving(job):\n"
        "    # As a training does: at Ctrl-C it saves its work and ends.\n"
        "    told, begun = [], Path('begun-long')\n"
        "    signal.signal(signal.SIGINT, lambda *_: told.append(1))\n"
        "    if job == 'long':\n"
        "        begun.touch()\n"
        "    while not (told if job == 'long' else begun.exists()):\n"
        "        time.sleep(0.05)\n"
        "    if told:\n"
        "        time.sleep(0.5)\n"
        "        Path('saved').touch()\n"
        "        raise KeyboardInterrupt\n"
        "    return job\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import ray_jobs

    ray.init(address="local", num_cpus=2, include_dashboard=False, object_store_memory=80 * 2**20)
    try:
        executor = RayExecutor(RayOptions(retries=1))
        results = list(executor.run(ray_jobs.twice, [1, 2, 3, 5], lost=lambda job, end: (job, end)))
        with pytest.raises(OSError, match="no disk"):
            list(executor.run(ray_jobs.twice, ["error"]))
        running = executor.run(ray_jobs.saving, ["long", "short"])
        assert next(running) == "short"
        running.close()
        assert (tmp_path / "saved").exists()
        assert ray.is_initialized()
    finally:
        ray.shutdown()
    # What was lost is begun again once, in the same folder; what is lost again is told.
    assert sorted(result for result in results if isinstance(result, int)) == [2, 4, 10]
    ((job, end),) = [result for result in results if isinstance(result, tuple)]
    assert job == 3
    assert end.startswith("its process on the cluster of Ray was lost (")
    assert [os.path.getsize(tmp_path / f"begun-{number}") for number in (1, 3, 5)] == [1, 2, 2]


def test_a_cluster_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'metafacs[ray]'")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(ValueError, match=r"there is no cluster of Ray at 'auto' .*--ray.address local"):
        list(RayExecutor().run(str, [1]))
