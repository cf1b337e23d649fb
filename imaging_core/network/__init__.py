"""DICOM over the network (PS3.7, PS3.8). The only importer of pynetdicom; `storage` does without it."""

from imaging_core.network.scp import ScpSettings, StorageScp

__all__ = ["ScpSettings", "StorageScp"]
