"""Who is in the second hospital."""

from importlib.resources import files

from api.demo.hospital import DemoHospital, load_hospital


def second_hospital() -> DemoHospital:
    """Return the second hospital; one of its patients is ours too."""
    return load_hospital(files("api.demo.region").joinpath("second_hospital.yaml").read_text(encoding="utf-8"))
