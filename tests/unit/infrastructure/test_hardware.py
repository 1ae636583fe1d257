from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from infrastructure import hardware


def test_this_machine_has_memory_and_disk_and_no_more_than_it_has() -> None:
    found = hardware.read_hardware()
    assert 0 < found.ram_bytes <= psutil.virtual_memory().total
    assert found.disk_free_bytes > 0
    assert found.vram_bytes >= 0


def test_a_place_that_is_not_there_yet_is_judged_by_its_parent(tmp_path: Path) -> None:
    assert hardware.read_hardware(tmp_path / "not" / "yet").disk_free_bytes > 0


def test_the_memory_of_several_cards_adds_up() -> None:
    assert hardware.parse_nvidia("24576\n 8192 \n\n") == 32768 * 1024 * 1024
    assert hardware.parse_nvidia("[N/A]\nfailed\n") == 0


def test_a_broken_driver_counts_as_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hardware._nvidia_vram() == 0


def test_a_working_driver_is_asked_for_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\ncase "$*" in *memory.total*) echo 1000;; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hardware._nvidia_vram() == 1000 * 1024 * 1024


def test_amd_cards_are_read_from_the_kernel(tmp_path: Path) -> None:
    for card, size in (("card0", "1024"), ("card1", "nonsense")):
        device = tmp_path / "class" / "drm" / card / "device"
        device.mkdir(parents=True)
        (device / "mem_info_vram_total").write_text(size)
    assert hardware._amd_vram(tmp_path) == 1024
