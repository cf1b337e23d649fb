"""Why a backup is not made or not brought back.

BackupError
├── NothingToBackUp     there is no installation in the data folder
├── NoBackup            the folder holds no complete backup of that name
├── PlaceTaken          something is already where the copy would go
├── SettingsDoNotFit    the backup is of another kind of installation, or of a newer version
├── KeysDoNotFit        these keys cannot read what is in the backup
├── BackupDamaged       a file of the backup is missing or was changed
├── DatabaseDamaged     the database itself is not whole
└── ToolFailed          pg_dump or pg_restore is missing or gave up
"""


class BackupError(Exception):
    """Base of all; the text is a sentence for an administrator."""


class NothingToBackUp(BackupError):
    """There is no installation in the data folder."""


class NoBackup(BackupError):
    """The folder holds no complete backup of that name."""


class PlaceTaken(BackupError):
    """Something is already where the copy would go."""


class SettingsDoNotFit(BackupError):
    """The backup is of another kind of installation, or of a newer version."""


class KeysDoNotFit(BackupError):
    """These keys cannot read what is in the backup."""


class BackupDamaged(BackupError):
    """A file of the backup is missing or was changed."""


class DatabaseDamaged(BackupError):
    """The database itself is not whole."""


class ToolFailed(BackupError):
    """`pg_dump` or `pg_restore` is missing or gave up."""
