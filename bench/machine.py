"""What the figures were measured on: part of every result, because figures without it mean nothing."""

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from api.chromium import find_chromium

_PACKAGES = (
    "mingying",
    "fastapi",
    "uvicorn",
    "pydicom",
    "pynetdicom",
    "imagecodecs",
    "onnxruntime",
    "faiss-cpu",
    "rapidocr",
)
_PROGRAMS = {"orthanc": "Orthanc", "redis": "redis-server", "tesseract": "tesseract"}
_VERSION = re.compile(r"\d+(?:\.\d+)+")


def machine() -> dict[str, Any]:
    """Return `machine` and `versions` of a result."""
    return {
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1024**3, 1),
            "system": f"{_system()} {platform.machine()}",
            "load_1_min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        },
        "versions": {"python": platform.python_version(), **_package_versions(), **_program_versions()},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1].strip()
    return platform.processor() or "unknown"


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"


def _package_versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _program_versions() -> dict[str, str]:
    found = {}
    paths = {"chromium": find_chromium(), **{name: shutil.which(program) for name, program in _PROGRAMS.items()}}
    for name, path in paths.items():
        if path is None:
            continue
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=30)
        number = _VERSION.search(done.stdout + done.stderr)
        if number:
            found[name] = number[0]
    return found
