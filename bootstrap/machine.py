"""This machine, fitted to the sizes of DeepSeek-R1."""

from __future__ import annotations

from pathlib import Path

from application.model_sizes import Recommendation, recommend
from bootstrap.settings import Settings
from infrastructure.hardware import read_hardware


def machine_recommendation(settings: Settings) -> Recommendation:
    """Say which sizes fit the memory of this machine and the disk that Ollama keeps models on."""
    models = settings.environment.get("OLLAMA_MODELS")
    machine = read_hardware(Path(models) if models else Path.home())
    return recommend(machine.ram_bytes, machine.vram_bytes, machine.disk_free_bytes, unified=machine.unified)
